#!/usr/bin/env node
/** The program: arguments, signals and the exit code. */
const neededNode = 24;

async function main(): Promise<number> {
  // Before anything else is loaded: an older Node fails at its syntax, in words that help nobody.
  if (Number.parseInt(process.versions.node, 10) < neededNode) {
    process.stderr.write(`kube-registrar: needs Node ${neededNode} or later; this is ${process.version}\n`);
    return 1;
  }
  const { runProgram } = await import('./cli/program.ts');
  const { dumpOnSignal } = await import('./cli/dump-signal.ts');
  const { abortOnSignals } = await import('./cli/signals.ts');

  // The reader has gone (`… | head`): that is not an error.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));
  return runProgram({
    argv: process.argv.slice(2),
    environment: process.env,
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
    onDump: dumpOnSignal(process),
    signal: abortOnSignals(process, (code) => process.exit(code)),
    operator: async () => (await import('./cli/run-operator.ts')).runOperator,
  });
}

process.exit(await main());
