#!/usr/bin/env node
/** The program: arguments, signals and the exit code. */
import { basename } from 'node:path';

const neededNode = 24;

async function main(): Promise<number> {
  // Before anything else is loaded: an older Node fails at its syntax, in words that help nobody.
  if (Number.parseInt(process.versions.node, 10) < neededNode) {
    process.stderr.write(
      `error: kube-registrar needs Node ${neededNode} or later; this is ${process.version}\n`,
    );
    return 1;
  }
  const { runProgram } = await import('./cli/program.ts');
  const { dumpOnSignal } = await import('./cli/dump-signal.ts');
  const { abortOnSignals, abortWhenClosed } = await import('./cli/signals.ts');

  const closed = abortWhenClosed(process.stdout);
  // After a terminal has gone, nobody reads why.
  process.stderr.on('error', () => {});
  const asked = abortOnSignals(process, {
    exit: (code) => process.exit(code),
    onTerminal: process.stdout.isTTY,
  });
  const code = await runProgram({
    ...calledAs(basename(process.argv[1] ?? ''), process.argv.slice(2)),
    environment: process.env,
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
    onDump: dumpOnSignal(process),
    signal: AbortSignal.any([asked, closed]),
    operator: async () => (await import('./cli/run-operator.ts')).runOperator,
  });
  // That the reader has gone is not an error.
  return closed.aborted ? 0 : code;
}

/** kubectl runs its plugin `registrar`, and asks for what can come next, by names of its own. */
function calledAs(file: string, argv: readonly string[]) {
  if (file.startsWith('kubectl_complete-')) return { argv: ['__complete', ...argv] };
  return { argv, name: file.startsWith('kubectl-') ? 'kubectl registrar' : 'kube-registrar' };
}

process.exit(await main());
