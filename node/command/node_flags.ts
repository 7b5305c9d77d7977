/** What the commands that are nodes of a swarm have in common: their arguments and flags. */

const MIB = 1024 * 1024;

/** The arguments that say where the tracker is. */
export const trackerPositionals = {
  trackerHost: { doc: "where the tracker is" },
  trackerPort: { kind: "port", doc: "the tracker's port" },
} as const;

/** The flags of whoever is a node of a swarm: how much it fetches, keeps, sends and receives, and where it listens. */
export const nodeFlags = {
  connections: {
    kind: "count",
    default: 8,
    min: 1,
    max: 64,
    doc: "peers to fetch a file from at once",
  },
  announceEvery: {
    kind: "count",
    default: 10,
    min: 1,
    doc: "blocks between two reports to the tracker",
  },
  cache: { kind: "size", default: 256 * MIB, doc: "memory for the blocks asked for most" },
  upLimit: { kind: "size", min: 1, doc: "bytes per second to send at most" },
  downLimit: { kind: "size", min: 1, doc: "bytes per second to receive at most" },
  host: { kind: "text", default: "0.0.0.0", placeholder: "ADDR", doc: "address to listen on" },
} as const;
