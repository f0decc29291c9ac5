import type { Environment } from '../config/environment.ts';
import type { OnDump } from './dump-signal.ts';

/** Where a command writes to. */
export interface Output {
  write(text: string): unknown;
  /** A terminal, where colour and a live view make sense. */
  readonly isTTY?: boolean;
  /** Size of the terminal, as it is now. */
  readonly columns?: number;
  readonly rows?: number;
}

/** Where a command reads from. */
export interface Input extends AsyncIterable<string | Uint8Array> {
  /** A terminal, where somebody can answer. */
  readonly isTTY?: boolean;
}

/** What a command sees of the process; injected, so that commands run in tests. */
export interface CliContext {
  readonly environment: Environment;
  /** Default: empty. */
  readonly stdin?: Input;
  /** For what the user asked for. */
  readonly stdout: Output;
  /** For logs and errors. */
  readonly stderr: Output;
  /** Aborts when the process is asked to end (SIGTERM, SIGINT). */
  readonly signal: AbortSignal;
  /** Called when a person asks for a dump of what the process knows. Default: nobody does. */
  readonly onDump?: OnDump;
  /** Sets the exit code the process ends with; 0 unless called. */
  exit(code: number): void;
}
