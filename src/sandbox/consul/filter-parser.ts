/**
 * The grammar of `?filter=` (go-bexpr): selectors such as `Service.Meta["key"]`, the operators of
 * `MatchOperator`, `and`, `or`, `not` and parentheses. `and` binds tighter than `or`.
 */
export type MatchOperator =
  | 'Equal'
  | 'Not Equal'
  | 'In'
  | 'Not In'
  | 'Is Empty'
  | 'Is Not Empty'
  | 'Matches'
  | 'Not Matches';

export type Expression =
  | { readonly kind: 'and' | 'or'; readonly left: Expression; readonly right: Expression }
  | { readonly kind: 'not'; readonly operand: Expression }
  | Match;

export interface Match {
  readonly kind: 'match';
  readonly selector: readonly string[];
  readonly operator: MatchOperator;
  readonly value: string;
}

interface Token {
  readonly kind: 'word' | 'string' | 'number' | 'symbol' | 'end';
  readonly text: string;
  readonly offset: number;
}

/** A filter that cannot be parsed or does not fit what it filters. */
export class FilterError extends Error {
  override readonly name = 'FilterError';
}

const tokenPattern =
  /\s*(?:([A-Za-z]\w*)|(-?(?:0|[1-9]\d*)(?:\.\d+)?)|"([^"]*)"|`([^`]*)`|(==|!=|[()[\].]))/y;

function tokenize(text: string): Token[] {
  const tokens: Token[] = [];
  tokenPattern.lastIndex = 0;
  for (let offset = 0; text.slice(offset).trim() !== ''; offset = tokenPattern.lastIndex) {
    tokenPattern.lastIndex = offset;
    const match = tokenPattern.exec(text);
    if (match === null) throw unparsable(offset);
    const [, word, number, quoted, raw, symbol] = match;
    if (word !== undefined) tokens.push({ kind: 'word', text: word, offset });
    else if (number !== undefined) tokens.push({ kind: 'number', text: number, offset });
    else if (symbol !== undefined) tokens.push({ kind: 'symbol', text: symbol, offset });
    else tokens.push({ kind: 'string', text: quoted ?? raw ?? '', offset });
  }
  tokens.push({ kind: 'end', text: '', offset: text.length });
  return tokens;
}

const unparsable = (offset: number): FilterError =>
  new FilterError(`1:${offset + 1} (${offset}): no match found`);

/** Throws a FilterError with the place where nothing of the grammar fits. */
export function parseFilter(text: string): Expression {
  const parser = new Parser(tokenize(text));
  return parser.whole();
}

class Parser {
  readonly #tokens: readonly Token[];
  #at = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  whole(): Expression {
    const expression = this.#or();
    if (this.#next.kind !== 'end') throw unparsable(this.#next.offset);
    return expression;
  }

  #or(): Expression {
    const left = this.#and();
    return this.#accept('word', 'or') ? { kind: 'or', left, right: this.#or() } : left;
  }

  #and(): Expression {
    const left = this.#not();
    return this.#accept('word', 'and') ? { kind: 'and', left, right: this.#and() } : left;
  }

  #not(): Expression {
    if (this.#accept('word', 'not')) return { kind: 'not', operand: this.#not() };
    if (!this.#accept('symbol', '(')) return this.#match();
    const inner = this.#or();
    this.#expect('symbol', ')');
    return inner;
  }

  #match(): Match {
    if (this.#next.kind !== 'word') return this.#valueInSelector(this.#value());
    const selector = this.#selector();
    if (this.#accept('symbol', '==')) return this.#with(selector, 'Equal');
    if (this.#accept('symbol', '!=')) return this.#with(selector, 'Not Equal');
    if (this.#accept('word', 'contains')) return this.#with(selector, 'In');
    if (this.#accept('word', 'matches')) return this.#with(selector, 'Matches');
    if (this.#accept('word', 'is')) {
      const operator = this.#accept('word', 'not') ? 'Is Not Empty' : 'Is Empty';
      this.#expect('word', 'empty');
      return { kind: 'match', selector, operator, value: '' };
    }
    if (this.#next.text === 'in') return this.#valueInSelector(selector.join('.'));
    this.#expect('word', 'not');
    if (this.#accept('word', 'contains')) return this.#with(selector, 'Not In');
    if (this.#accept('word', 'matches')) return this.#with(selector, 'Not Matches');
    this.#expect('word', 'in');
    return { kind: 'match', selector: this.#selector(), operator: 'Not In', value: selector.join('.') };
  }

  #valueInSelector(value: string): Match {
    const operator = this.#accept('word', 'not') ? 'Not In' : 'In';
    this.#expect('word', 'in');
    return { kind: 'match', selector: this.#selector(), operator, value };
  }

  #with(selector: readonly string[], operator: MatchOperator): Match {
    return { kind: 'match', selector, operator, value: this.#value() };
  }

  #selector(): readonly string[] {
    const parts = [this.#expect('word')];
    for (;;) {
      if (this.#accept('symbol', '.')) parts.push(this.#expect('word'));
      else if (this.#accept('symbol', '[')) {
        parts.push(this.#expect('string'));
        this.#expect('symbol', ']');
      } else return parts;
    }
  }

  #value(): string {
    if (this.#next.kind === 'word') return this.#selector().join('.');
    if (this.#next.kind === 'number') return this.#expect('number');
    return this.#expect('string');
  }

  get #next(): Token {
    return this.#tokens[this.#at]!;
  }

  #accept(kind: Token['kind'], text: string): boolean {
    if (this.#next.kind !== kind || this.#next.text !== text) return false;
    this.#at += 1;
    return true;
  }

  #expect(kind: Token['kind'], text?: string): string {
    const token = this.#next;
    if (token.kind !== kind || (text !== undefined && token.text !== text)) throw unparsable(token.offset);
    this.#at += 1;
    return token.text;
  }
}
