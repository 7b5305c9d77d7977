/** The programs that copy a whole folder from a server, and how one such copy is measured. */

import { join } from "node:path";
import { OwnCopyServer } from "./own_copy.ts";
import { RsyncDaemon } from "./rsync.ts";
import { RsyncOverSsh } from "./rsync_ssh.ts";
import type { MeasuredProcess } from "./measured_process.ts";
import { compareFolders, type Stage, type TreeSource } from "./stage.ts";
import type { Tool } from "./tools.ts";
import { measureTransfer, secondsToEnd } from "./transfer.ts";
import type { Contestant, Figures } from "./workload.ts";

const OWN_HASTY = "p2pnode fetch, server just started";
const OWN = "p2pnode fetch, server idle before";
export const RSYNC = "rsync --daemon";
export const RSYNC_OVER_SSH = "rsync over ssh";

/** A server that runs, and its clients. */
export interface CopyServer extends AsyncDisposable {
  readonly process: MeasuredProcess;
  /** Starts a client that copies everything into a folder. */
  startFetch(destination: string): MeasuredProcess;
}

/** A program that copies. */
export interface Copier<Server extends CopyServer = CopyServer> {
  readonly name: string;
  readonly needs: readonly Tool[];
  /** Whether the first client comes as soon as the server runs; otherwise the server has been idle before. */
  readonly isHasty?: boolean;
  /** Starts a server of `folder`. */
  serve(folder: string, stage: Stage): Promise<Server>;
}

/** Ours: of a server that has just been started, which has to hash first, and of one that has hashed all. */
export const OWN_COPIERS: readonly Copier<OwnCopyServer>[] = [
  { name: OWN_HASTY, needs: [], isHasty: true, serve: (folder) => OwnCopyServer.start(folder) },
  { name: OWN, needs: [], serve: serveHashed },
];

export const RSYNC_COPIER: Copier = { name: RSYNC, needs: ["rsync"], serve: serveByRsync };

export const RSYNC_OVER_SSH_COPIER: Copier = {
  name: RSYNC_OVER_SSH,
  needs: ["rsync", "sshd"],
  serve: async (folder, stage) => await RsyncOverSsh.start(folder, await stage.newFolder()),
};

/** Copies a folder to an empty one, or, `again`, to one where the same program has copied it before. */
export function copyContestant(
  copier: Copier,
  { stage, source, again = false }: {
    readonly stage: Stage;
    readonly source: TreeSource;
    readonly again?: boolean;
  },
): Contestant {
  const run = async () => {
    const destination = await stage.newFolder();
    if (again) await copy(copier, { stage, source, destination });
    return await copy(copier, { stage, source, destination });
  };
  return { name: copier.name, needs: copier.needs, run };
}

/** Starts a server, with the machine in the state that stage.ts tells of: `paths` are what will be read. */
export async function serveSettled<Server extends CopyServer>(
  copier: Copier<Server>,
  { stage, folder, paths }: {
    readonly stage: Stage;
    readonly folder: string;
    readonly paths: readonly string[];
  },
): Promise<Server> {
  if (copier.isHasty) {
    await stage.settle(paths);
    return await copier.serve(folder, stage);
  }
  await using started = new AsyncDisposableStack();
  const server = started.use(await copier.serve(folder, stage));
  await stage.settle(paths);
  started.move();
  return server;
}

/** What was one file alone is removed after the run; other folders stay: see stage.ts. */
async function copy(
  copier: Copier,
  { stage, source: { folder, names }, destination }: {
    readonly stage: Stage;
    readonly source: TreeSource;
    readonly destination: string;
  },
): Promise<Figures> {
  const paths = names.map((name) => join(folder, name));
  await using server = await serveSettled(copier, { stage, folder, paths });
  const figures = await measureTransfer({
    source: server.process,
    start: () => server.startFetch(destination),
    secondsOf: secondsToEnd,
  });
  await compareFolders(folder, destination, names);
  if (names.length === 1) await stage.discard(destination);
  return figures;
}

async function serveHashed(folder: string, stage: Stage): Promise<OwnCopyServer> {
  const server = await OwnCopyServer.start(folder);
  await server.untilHashed(await stage.newFolder());
  return server;
}

async function serveByRsync(folder: string, stage: Stage): Promise<CopyServer> {
  const daemon = await RsyncDaemon.start(folder, await stage.newFolder());
  return {
    process: daemon.process,
    startFetch: (destination) => daemon.startFetch("", destination),
    [Symbol.asyncDispose]: () => daemon[Symbol.asyncDispose](),
  };
}
