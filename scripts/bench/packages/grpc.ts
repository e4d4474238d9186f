// gRPC: the JavaScript implementation on Bun, protobuf over HTTP/2.

import grpc from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import { fileURLToPath } from "node:url";
import type { PeerProgram } from "../peer.ts";
import { sums } from "./sums.ts";

interface Terms {
  readonly a: number;
  readonly b: number;
}

interface Result {
  readonly value: number;
}

type Sum = (terms: Terms, done: (error: Error | null, result: Result) => void) => void;

function isFoo(value: object): value is grpc.ServiceClientConstructor {
  return "service" in value;
}

function foo(): grpc.ServiceClientConstructor {
  const loaded = loadSync(fileURLToPath(import.meta.resolve("./foo.proto")));
  const found = grpc.loadPackageDefinition(loaded)["bench"];
  const service = found !== undefined && "Foo" in found ? found.Foo : undefined;
  if (typeof service !== "function" || !isFoo(service)) throw new Error("there is no Foo");
  return service;
}

export const program: PeerProgram = sums(
  () => {
    const server = new grpc.Server();
    const Sum: grpc.handleUnaryCall<Terms, Result> = ({ request }, done) =>
      done(null, { value: request.a + request.b });
    server.addService(foo().service, { Sum });
    return new Promise((resolve, reject) => {
      server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, port) =>
        error === null ? resolve(port) : reject(error),
      );
    });
  },
  (port) => {
    const Foo = foo();
    const client = new Foo(`127.0.0.1:${port}`, grpc.credentials.createInsecure());
    const call: Sum | undefined = client["Sum"]?.bind(client);
    if (call === undefined) throw new Error("there is no Sum");
    return Promise.resolve(
      (a: number, b: number) =>
        new Promise<number>((resolve, reject) => {
          call({ a, b }, (error, result) =>
            error === null ? resolve(result.value) : reject(error),
          );
        }),
    );
  },
);
