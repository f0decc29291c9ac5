import type { Command, Option } from 'commander';
import { objectKinds } from './object-kinds.ts';

/** What can come next on a command line. */
export interface Candidates {
  readonly words: readonly { readonly text: string; readonly description: string }[];
  /** Names of files are possible too. */
  readonly files: boolean;
  /** A word is not complete yet: no space follows it. */
  readonly isOpen: boolean;
}

const nothing: Candidates = { words: [], files: false, isOpen: false };

/** What can stand for the last of these words, which follow the program's name. */
export function candidates(program: Command, words: readonly string[]): Candidates {
  // Shells that take "=" for a border between words hand it over as a word.
  const all = words.filter((word) => word !== '=').flatMap(splitAtEquals);
  const current = words.at(-1) === '=' ? '' : (all.pop() ?? '');
  // Other shells want the whole word back.
  const before = /^--[^=]+=/.exec(words.at(-1) ?? '')?.[0] ?? '';
  let command = program;
  let waiting: Option | undefined;
  for (const word of all) {
    if (waiting !== undefined) waiting = undefined;
    else if (word.startsWith('-')) waiting = optionNamed(command, word);
    else if (command === program) command = commandNamed(program, word) ?? command;
    if (waiting !== undefined && !waiting.required) waiting = undefined;
  }
  const found =
    waiting !== undefined
      ? valuesOf(waiting)
      : current.startsWith('-')
        ? flagsOf(command)
        : argumentsOf(command, program);
  const fitting = found.words.filter(({ text }) => text.startsWith(current));
  return { ...found, words: fitting.map((word) => ({ ...word, text: before + word.text })) };
}

const splitAtEquals = (word: string): string[] => {
  const at = word.startsWith('--') ? word.indexOf('=') : -1;
  return at < 0 ? [word] : [word.slice(0, at), word.slice(at + 1)];
};

const optionNamed = (command: Command, flag: string): Option | undefined =>
  command.options.find(({ long, short }) => long === flag || short === flag);

const commandNamed = (program: Command, name: string): Command | undefined =>
  program.commands.find((command) => command.name() === name);

function valuesOf({ argChoices, flags }: Option): Candidates {
  if (argChoices !== undefined) return { ...nothing, words: argChoices.map(plain) };
  return { ...nothing, files: flags.includes('<FILE>') };
}

function flagsOf(command: Command): Candidates {
  const words = command
    .createHelp()
    .visibleOptions(command)
    .flatMap(({ long, description }) => (long == null ? [] : [{ text: long, description }]));
  return { ...nothing, words };
}

function argumentsOf(command: Command, program: Command): Candidates {
  if (command === program) {
    const words = command
      .createHelp()
      .visibleCommands(command)
      .map((each) => ({ text: each.name(), description: each.description() }));
    return { ...nothing, words };
  }
  if (command.name() === 'explain')
    return { ...nothing, words: objectKinds.map(({ names }) => plain(`${names[0]}/`)), isOpen: true };
  const [argument] = command.registeredArguments;
  if (argument?.argChoices !== undefined) return { ...nothing, words: argument.argChoices.map(plain) };
  return { ...nothing, files: argument?.name() === 'FILE' };
}

const plain = (text: string) => ({ text, description: '' });

/** As kubectl asks a plugin's `kubectl_complete-NAME` for it: a word a line, then `:` and how to go on. */
export function protocolText({ words, files, isOpen }: Candidates): string {
  const lines = words.map(({ text, description }) => (description === '' ? text : `${text}\t${description}`));
  const directive = (isOpen ? 2 : 0) + (files ? 0 : 4);
  return `${[...lines, `:${directive}`].join('\n')}\n`;
}
