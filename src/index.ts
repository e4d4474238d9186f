export { connect } from "./client.ts";
export { serve } from "./server.ts";
export { serveRegistry } from "./registry.ts";
export { GeeError } from "./base/errors.ts";
export { fault, isFault } from "./base/faults.ts";
export { callContext } from "./rpc/context.ts";
export { testClient } from "./testing/test-client.ts";
export { readContract } from "./source/read-contract.ts";

export type { ConnectOptions, Gee, Outcome, ReadyOptions } from "./client.ts";
export type { ServeOptions, Server } from "./server.ts";
export type { Registry, RegistryOptions } from "./registry.ts";
export type { Address } from "./base/address.ts";
export type { Code, Executed, GeeErrorOptions } from "./base/errors.ts";
export type { AnyFault, Fault, FaultFields } from "./base/faults.ts";
export type { SchemaIssue, SchemaResult, StandardSchema } from "./contract/standard-schema.ts";
export type { Log, LogFields } from "./base/log.ts";
export type { Clock, Timer } from "./base/time.ts";
export type { Member } from "./discovery/member.ts";
export type { RegistryStatus } from "./discovery/registry-feed.ts";
export type { PolicyName } from "./base/policy-name.ts";
export type {
  BytesName,
  FaultContract,
  Field,
  MethodContract,
  ModuleContract,
  NamedType,
  Parameter,
  PlainKind,
  ServiceContract,
  Signature,
  TupleItem,
  TypeNode,
} from "./contract/contract.ts";
export type { Canary, Tags } from "./fleet/preference.ts";
export type { CallContext, NestedCaller } from "./rpc/context.ts";
export type {
  ClientInterceptor,
  Invocation,
  Request,
  ServerInterceptor,
} from "./rpc/interceptors.ts";
export type {
  Call,
  CallOptions,
  ItemStream,
  MakeStub,
  OneWay,
  Remote,
  Services,
} from "./rpc/remote.ts";
export type { MethodOptions, Options, ServedService, ServiceOptions } from "./rpc/service.ts";
export type { TestClient, TestClientOptions } from "./testing/test-client.ts";
export type { TestClock } from "./testing/test-clock.ts";
export type { ReadOptions } from "./source/read-contract.ts";
export type { Metadata } from "./wire/message.ts";
