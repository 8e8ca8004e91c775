// `~SEQ(var, [start, [step,]] end) rest` and `~LST(var, a, b, ...) rest`: the rest of the line once for each value
// (vrrp.md §2.2).

import { failure, type Result, success } from '../../base/result.ts';

/** What is defined in each round. */
export type Round = readonly { readonly name: string; readonly value: string }[];

export interface Sequence {
  readonly rounds: readonly Round[];
  readonly rest: string;
}

const ROUNDS_MAX = 65_536;
const HEAD = /^~(SEQ|SEQx|LST)\(([^)]*)\)\s*([^]*)$/;

/** What `text`, which begins with `~`, repeats. The problem is a sentence. */
export function parseSequence(text: string): Result<Sequence, string> {
  const match = HEAD.exec(text);
  if (match === null) return failure('after ~ comes SEQ(...), SEQx(...) or LST(...)');
  const [, kind, inside = '', rest = ''] = match;
  const rounds = kind === 'LST' ? listRounds(inside) : numberRounds(inside, kind === 'SEQx');
  return rounds.ok ? success({ rounds: rounds.value, rest }) : rounds;
}

function numberRounds(inside: string, isHexadecimal: boolean): Result<readonly Round[], string> {
  const [name = '', ...values] = inside.split(',').map((part) => part.trim());
  if (!/^\w+$/.test(name) || values.length < 1 || values.length > 3) {
    return failure('a sequence is SEQ(variable, start, step, end); start and step may be left out');
  }
  const numbers = values.map((value) => (/^-?(?:0x[0-9a-f]+|\d+)$/i.test(value) ? wholeNumber(value) : NaN));
  if (!numbers.every(Number.isSafeInteger))
    return failure('start, step and end of a sequence are whole numbers');
  const end = numbers.at(-1) as number;
  const start = numbers.length > 1 ? (numbers[0] as number) : end > 0 ? 1 : -1;
  const step = numbers.length > 2 ? (numbers[1] as number) : end >= start ? 1 : -1;
  if (step === 0) return failure('the step of a sequence is not 0');
  const count = Math.max(0, Math.floor((end - start) / step) + 1);
  if (count > ROUNDS_MAX) return failure(`a sequence has at most ${ROUNDS_MAX} values`);
  return success(
    Array.from({ length: count }, (_, index) => {
      const value = (start + index * step).toString(isHexadecimal ? 16 : 10);
      return [{ name, value }];
    }),
  );
}

function wholeNumber(text: string): number {
  return text.startsWith('-') ? -Number(text.slice(1)) : Number(text);
}

/** `var, a, b` or `{x, y}, {1, 2}, {3, 4}`. */
function listRounds(inside: string): Result<readonly Round[], string> {
  const items = inside.match(/\{[^}]*\}|[^,{}]+/g)?.map((item) => item.trim()) ?? [];
  const [first = '', ...values] = items.filter((item) => item !== '');
  const names = partsOf(first);
  if (!names.every((name) => /^\w+$/.test(name)))
    return failure('a list is LST(variable, value, value, ...)');
  if (values.length > ROUNDS_MAX) return failure(`a list has at most ${ROUNDS_MAX} values`);
  const rounds = values.map((value) =>
    partsOf(value).map((part, index) => ({ name: names[index] ?? '', value: part })),
  );
  if (rounds.some((round) => round.length !== names.length)) {
    return failure(`each value of the list has ${names.length} parts, as its variables`);
  }
  return success(rounds);
}

function partsOf(item: string): string[] {
  const inner = item.startsWith('{') ? item.slice(1, -1) : item;
  return item.startsWith('{') ? inner.split(',').map((part) => part.trim()) : [inner];
}
