/** Where every registry of the GeeRPC family answers. */
export const registryPath = "/_geerpc_/registry";

/** The header that a peer registers with. */
export const serverHeader = "X-Geerpc-Server";

/** The header that lists all addresses, joined by commas. */
export const serversHeader = "X-Geerpc-Servers";
