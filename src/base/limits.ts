/**
 * Every number that protects a process, in one place, with its unit in its name. What a limit
 * guards is said here; what happens beyond it is said where it is enforced and in PROTOCOL.md.
 */
export const limits = {
  /** A message's encoded size, either way, without the frame's head. Over it: RESOURCE_EXHAUSTED. */
  maxMessageBytes: 4_194_304,
  /** What either side may raise that to. */
  largestMaxMessageBytes: 67_108_864,
  /** Messages in parts that are not whole, together on one connection; or one message if larger. */
  maxUnfinishedBytes: 16_777_216,
  /** Metadata of one message, as they are encoded. */
  maxMetadataBytes: 16_384,
  /** What may be sent of a stream in either direction before the other side has granted more. */
  streamWindowBytes: 262_144,
  /** Items of one connection's calls that handlers have not taken; the call that passes it ends. */
  maxQueuedItemBytes: 16_777_216,
  /** The most credit that may be open, 2^31 - 1. */
  maxCreditBytes: 2_147_483_647,
  /** How long a stream may be without an item, credit or end when the caller says nothing else. */
  streamIdleMs: 60_000,
  /** Nesting of arrays and maps in one value (an argument, a result, a fault's details). */
  maxValueDepth: 32,
  /** Data items in one message: an array counts its elements, a map its keys and its values. */
  maxItems: 131_072,
  /** Magnitude of a bigint. */
  maxBigintBytes: 64,
  /** What a caller may send before its hello is accepted. */
  maxCallerHelloBytes: 4_096,
  /** A server's hello. Method facts that do not fit are left out; such methods go by name. */
  maxServerHelloBytes: 65_536,
  /** How long either side waits for the other's hello. */
  helloTimeoutMs: 2_000,
  /** A frame is whole this long after its first byte, and a second more for each ... */
  frameBaseMs: 2_000,
  /** ... of so many bytes; time in which we do not read does not count. */
  frameBytesPerSecond: 16_384,
  /** Connections of one server, and never more than its file descriptors less the reserve. */
  maxConnections: 50_000,
  /** File descriptors that connections leave to everything else. */
  reservedDescriptors: 256,
  /** Connections from one address; loopback and unix sockets are exempt. */
  maxConnectionsPerAddress: 1_024,
  /** How long a peer may take none of the bytes that wait for it. */
  stalledWriteMs: 10_000,
  /** Bytes that wait in one process, read and incomplete or written and unsent. */
  maxBufferedBytes: 268_435_456,
  /** Pings, and cancels of calls that were never opened, on one connection in each ... */
  maxControlFrames: 200,
  /** ... of these windows. */
  controlWindowMs: 10_000,
  /** A caller looks this often whether it has read anything, and sends a ping when it has not. */
  pingIntervalMs: 5_000,
  /** A server looks this often, pings who was silent meanwhile, and gives up who stays silent. */
  sweepMs: 15_000,
  /** Age, give or take a tenth, at which a server has a connection replaced. */
  maxConnectionAgeMs: 1_800_000,
  /** How long a connect may take. */
  connectTimeoutMs: 2_000,
  /** A unary call's deadline when the caller names none. */
  callTimeoutMs: 10_000,
  /** The longest deadline that travels (about 24.8 days). Longer ones are cut to it. */
  maxTimeoutMs: 2_147_483_647,
  /** Calls in flight on one connection; more are refused with RESOURCE_EXHAUSTED. */
  maxInFlight: 1_024,
  /** Handlers that run at once in one server, cancelled ones included until they end. */
  maxRunningHandlers: 10_000,
  /** Streams that tell of one server's health; each is a handler that runs on. */
  maxHealthWatches: 1_000,
  /** How long the answer of a call with an idempotency key is kept. */
  idempotencyWindowMs: 300_000,
  /** Idempotency keys that one server holds; beyond it the oldest answer goes, if there is one. */
  maxIdempotencyKeys: 10_000,
  /** Answers that are kept for idempotency keys, all together; beyond it the oldest go. */
  maxIdempotencyBytes: 16_777_216,
  /** Unsent replies on one connection beyond which the answering side stops reading it. */
  pauseReadingBytes: 1_048_576,
  /** Unsent replies on one connection beyond which a result is replaced by RESOURCE_EXHAUSTED. */
  maxUnsentReplyBytes: 16_777_216,
  /** Unsent requests on one connection beyond which the calling side refuses new calls. */
  maxQueuedRequestBytes: 134_217_728,
  /** Text of a fault's message or reason, in UTF-16 units; longer text is cut. */
  maxFaultTextLength: 4_096,
  /** A turn of the loop that is later than this makes its calls count as arrived before it. */
  lateTurnMs: 20,
  /** After SIGTERM: how long new calls are still accepted, to be answered UNAVAILABLE. */
  lameDuckMs: 1_000,
  /** After SIGTERM: how long running handlers may take to finish. */
  drainTimeoutMs: 25_000,
  /** The lease of a JSON peer in the registry. */
  leaseMs: 9_000,
  /** The shortest and the longest lease that a registry grants a JSON peer. */
  minLeaseMs: 200,
  maxLeaseMs: 300_000,
  /** A loop that ran later than this since the last beat has weight 0 in the next one. */
  maxLoopLagMs: 1_000,
  /** A process whose main loop gave no sign for so long is announced no more, until it does. */
  hungAfterMs: 60_000,
  /** The lease of a header-only (GeeRPC) peer; 0 = for ever. */
  oldLeaseMs: 300_000,
  /** A registry stops to remove a class of members for at most so long, ... */
  maxFreezeMs: 300_000,
  /** ... when more than this share of them ... */
  freezeShare: 0.15,
  /** ... and at least so many went suspect within one lease. */
  freezeLeast: 3,
  /** How long a registry holds back the answer to a watch. */
  maxWatchMs: 600_000,
  /** Watches that one registry holds; more are answered at once. */
  maxWatchers: 16_384,
  /** Changes that a registry remembers; who is further behind gets the whole list. */
  maxChangeLog: 4_096,
  /** A member list older than this is refreshed in the background. */
  refreshAfterMs: 3_000,
  /** One request to a registry. */
  registryTimeoutMs: 2_000,
  /** A request body to the registry. */
  maxRegistryBodyBytes: 65_536,
  /** How long a registry waits for the whole of a body, ... */
  registryBodyMs: 5_000,
  /** ... and how many it reads at once. */
  maxRegistryBodies: 4_096,
  /** Bearer tokens of one registry. */
  maxTokens: 1_024,
  /** A registry takes no shorter token, as it could be guessed. */
  minTokenLength: 16,
  /** Members that one token may have registered, both kinds together. */
  maxInstancesPerToken: 4_096,
  /** What those may take up of the list. */
  maxListBytesPerToken: 6_291_456,
  /** Writes of one token that are under way at once. */
  maxWritesPerToken: 1_024,
  /** An answer of a registry, as a client reads it. */
  maxRegistryAnswerBytes: 33_554_432,
  /** Members of one registry, both kinds together. Over it: RESOURCE_EXHAUSTED. */
  maxInstances: 16_384,
  /** The list of one registry, well below what a client reads. Over it: RESOURCE_EXHAUSTED. */
  maxListBytes: 25_165_824,
  /** Services of one instance. */
  maxServices: 256,
  /** Tags of one instance. */
  maxTags: 32,
  /** How long an address that turned out not to be a gee server is left alone. */
  strangerMs: 300_000,
  /** A lost connection is dialled again after the first wait; repeated failures reach the second. */
  redialMinMs: 300,
  redialMaxMs: 1_000,
  /** Connections of one client to one server; a further one is dialled when they are half full. */
  maxConnectionsPerServer: 4,
  /** Servers of one service that a client calls; of larger fleets it keeps to a part. */
  subsetSize: 64,
  /** While nobody can be reached a call tries again for so long. */
  unreachableMs: 2_000,
  /** How often one call is sent, at most (gRFC A6). */
  maxAttempts: 5,
  /** A client closes a connection that had no call for so long. */
  idleConnectionMs: 300_000,
  /** A call that waits so long for a connection tries another server, when there is one. */
  slowDialMs: 250,
  /** Processes of one `gee server --workers N`. */
  maxWorkers: 256,
  /** Requests to a registry and heartbeats back off from the first to the second, with full jitter. */
  backoffMinMs: 100,
  backoffMaxMs: 5_000,
} as const;
