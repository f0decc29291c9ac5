import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';

export interface SeedJob {
  readonly seeds: readonly number[];
  /** What the scripts are about; empty: what the seeds say. */
  readonly rows: readonly string[];
  /** Name of a mutant of the operator. */
  readonly mutant: string | undefined;
  /** Failures after which the rest is not tried any more. */
  readonly stopAt: number;
}

export interface SeedFailure {
  readonly seed: number;
  readonly invariant: string;
  /** For people. */
  readonly report: string;
}

export interface SeedResult {
  readonly ran: number;
  readonly rows: readonly string[];
  readonly failures: readonly SeedFailure[];
}

/** Simulates seeds in a thread of its own, with its own copy of the operator. */
export function inWorker(job: SeedJob): Promise<SeedResult> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL('./seed-worker.ts', import.meta.url), { workerData: job });
    worker.once('message', resolve);
    worker.once('error', reject);
    worker.once('exit', () => reject(new Error('the worker has exited without a result')));
  });
}

/** Simulates seeds on all cores. */
export async function inWorkers(first: number, count: number): Promise<SeedResult> {
  const lanes = Math.min(4, availableParallelism());
  const seedsOf = (lane: number) =>
    Array.from({ length: Math.ceil((count - lane) / lanes) }, (_, index) => first + lane + index * lanes);
  const results = await Promise.all(
    Array.from({ length: lanes }, (_, lane) =>
      inWorker({ seeds: seedsOf(lane), rows: [], mutant: undefined, stopAt: 3 }),
    ),
  );
  return {
    ran: results.reduce((sum, { ran }) => sum + ran, 0),
    rows: [...new Set(results.flatMap(({ rows }) => rows))].sort(),
    failures: results.flatMap(({ failures }) => failures),
  };
}
