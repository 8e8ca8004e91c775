// What can be tracked: vrrp_script, vrrp_track_process and track_file (vrrp.md §1.11, §2.3).

import type { Command } from '../router-conf.ts';
import { keywordTable, type Keywords, readStatements } from './blocks.ts';
import type { Commands, User } from './commands.ts';
import type { FileBlock, ProcessBlock, RedisBlock, ScriptBlock, Weight } from './conf.ts';
import { readTrackRedis, redisName, TRACK_REDIS, unknownDirective } from './directives.ts';
import { type Report, show, whereOf } from './problems.ts';
import { recognisePing } from './redis-cli.ts';
import type { Statement } from './tree.ts';
import { noMore, readInteger, readText, readTimer, valueAt } from './values.ts';
import { readWeight } from './weights.ts';

const SECONDS_MAX = 1_000_000;
const COUNT_MAX = 2 ** 31 - 1;
const NO_WEIGHT: Weight = { weight: 0, reverse: false };

interface ScriptDraft {
  command: {
    readonly statement: Statement;
    readonly argv: readonly string[];
    readonly user: User | null;
  } | null;
  user: User | null;
  intervalMs: number;
  timeoutMs: number | null;
  weight: Weight;
  rise: number;
  fall: number;
  initFail: boolean;
  redis: Statement[];
  /** Something about the command was reported already. */
  isBroken: boolean;
}

function scriptKeywords(commands: Commands): Keywords<ScriptDraft> {
  const timer = { min: 0.001, max: SECONDS_MAX, decimals: 3 };
  return keywordTable<ScriptDraft>({
    script(draft, statement) {
      const line = commands.parseLine(statement);
      draft.isBroken ||= line === null;
      if (line !== null) draft.command = { statement, ...line };
    },
    interval(draft, statement, report) {
      draft.intervalMs = readTimer(report, statement, timer) ?? draft.intervalMs;
    },
    timeout(draft, statement, report) {
      draft.timeoutMs = readTimer(report, statement, timer) ?? draft.timeoutMs;
    },
    weight(draft, statement, report) {
      draft.weight = readWeight(report, statement) ?? draft.weight;
    },
    rise(draft, statement, report) {
      draft.rise = readInteger(report, statement, 1, COUNT_MAX) ?? draft.rise;
    },
    fall(draft, statement, report) {
      draft.fall = readInteger(report, statement, 1, COUNT_MAX) ?? draft.fall;
    },
    user(draft, statement, report) {
      const user = valueAt(report, statement, 0, 'a user, and may take a group');
      noMore(report, statement, 2);
      if (user === null) return;
      const named = { user: user.text, group: statement.values[1]?.text ?? null };
      if (commands.checkUser(statement, named) === null) draft.isBroken = true;
      else draft.user = named;
    },
    init_fail(draft, statement, report) {
      noMore(report, statement, 0);
      draft.initFail = true;
    },
  });
}

/** What one vrrp_script says: the script, and the tracker of ours beside it. */
export interface ReadScript {
  readonly script: ScriptBlock;
  readonly redis: RedisBlock | null;
}

/** Reads a vrrp_script; null: something is wrong with it, which is reported. */
export function readScript(
  report: Report,
  block: Statement,
  name: string,
  commands: Commands,
): ReadScript | null {
  const draft: ScriptDraft = {
    command: null,
    user: null,
    intervalMs: 1000,
    timeoutMs: null,
    weight: NO_WEIGHT,
    rise: 1,
    fall: 1,
    initFail: false,
    redis: [],
    isBroken: false,
  };
  const owner = `vrrp_script ${name}`;
  readStatements(report, owner, block.block ?? [], scriptKeywords(commands), draft, (_, directive) => {
    if (directive.keyword.text === TRACK_REDIS) draft.redis.push(directive);
    else unknownDirective(report, owner, directive, [TRACK_REDIS]);
  });
  if (draft.command === null) {
    if (!draft.isBroken) report.error(block.keyword, 'no-script', `${owner} has no script`);
    return null;
  }
  const { statement, argv, user } = draft.command;
  const command: Command | null = draft.isBroken
    ? null
    : commands.finish(statement, argv, draft.user ?? user);
  if (command === null) return null;
  const timing = { intervalMs: draft.intervalMs, rise: draft.rise, fall: draft.fall };
  const script: ScriptBlock = {
    name,
    command,
    ...timing,
    timeoutMs: draft.timeoutMs ?? draft.intervalMs,
    initFail: draft.initFail,
    ...draft.weight,
  };
  return { script, redis: besideScript(report, draft.redis, statement, argv, { name, ...timing }) };
}

/** The tracker asked for beside the script, or the one its command line is known to be. */
function besideScript(
  report: Report,
  directives: readonly Statement[],
  statement: Statement,
  argv: readonly string[],
  beside: {
    readonly name: string;
    readonly intervalMs: number;
    readonly rise: number;
    readonly fall: number;
  },
): RedisBlock | null {
  const [directive, second] = directives;
  if (second !== undefined)
    report.error(second.keyword, 'bad-directive', 'a script has one Redis tracker beside it');
  if (directive !== undefined) return readTrackRedis(report, directive, beside);
  const ping = recognisePing(argv);
  if (ping === null) return null;
  const target = redisName(ping.host, ping.port);
  if (ping.needs === 'tls') {
    const sentence = `${show(beside.name)} asks the Redis at ${target} over TLS, which baton's own tracker does not speak: only the script watches it`;
    report.warn(statement.keyword, 'no-tls', sentence);
    return null;
  }
  if (ping.needs === 'auth-file') {
    const sentence =
      `${show(beside.name)} logs in at the Redis at ${target}; for baton's own tracker beside it put the password ` +
      `into a file and add '# baton: track_redis ${target} auth-file FILE' to the block`;
    report.warn(statement.keyword, 'needs-auth-file', sentence);
    return null;
  }
  const { name, ...timing } = beside;
  const place = { host: ping.host, port: ping.port };
  return {
    name: redisName(ping.host, ping.port, name),
    ...place,
    authFile: null,
    ...timing,
    besideScript: name,
    where: whereOf(statement.keyword),
  };
}

interface ProcessDraft {
  process: readonly string[] | null;
  parameterMatch: 'exact' | 'partial' | 'initial' | null;
  weight: Weight;
  quorum: number;
  quorumMax: number | null;
  forkDelayMs: number;
  terminateDelayMs: number;
  fullCommand: boolean;
}

const DELAY = { min: 0, max: 3600, decimals: 6 };

const PROCESS_KEYWORDS: Keywords<ProcessDraft> = keywordTable<ProcessDraft>({
  process(draft, statement, report) {
    if (valueAt(report, statement, 0, 'the name of a process') === null) return;
    draft.process = statement.values.map((word) => word.text);
  },
  param_match(draft, statement, report) {
    const word = statement.values[0];
    if (word === undefined) draft.parameterMatch = 'exact';
    else if (word.text === 'initial' || word.text === 'partial') draft.parameterMatch = word.text;
    else report.error(word, 'bad-value', `param_match takes initial or partial, not ${show(word.text)}`);
  },
  weight(draft, statement, report) {
    draft.weight = readWeight(report, statement) ?? draft.weight;
  },
  quorum(draft, statement, report) {
    draft.quorum = readInteger(report, statement, 1, 65_535) ?? draft.quorum;
  },
  quorum_max(draft, statement, report) {
    draft.quorumMax = readInteger(report, statement, 0, 65_535) ?? draft.quorumMax;
  },
  delay(draft, statement, report) {
    const delayMs = readTimer(report, statement, DELAY);
    if (delayMs !== null) Object.assign(draft, { forkDelayMs: delayMs, terminateDelayMs: delayMs });
  },
  fork_delay(draft, statement, report) {
    draft.forkDelayMs = readTimer(report, statement, DELAY) ?? draft.forkDelayMs;
  },
  terminate_delay(draft, statement, report) {
    draft.terminateDelayMs = readTimer(report, statement, DELAY) ?? draft.terminateDelayMs;
  },
  full_command(draft, statement, report) {
    noMore(report, statement, 0);
    draft.fullCommand = true;
  },
});

/** Reads a vrrp_track_process; null: reported. */
export function readProcess(report: Report, block: Statement, name: string): ProcessBlock | null {
  const draft: ProcessDraft = {
    process: null,
    parameterMatch: null,
    weight: NO_WEIGHT,
    quorum: 1,
    quorumMax: null,
    forkDelayMs: 0,
    terminateDelayMs: 0,
    fullCommand: false,
  };
  readStatements(report, `vrrp_track_process ${name}`, block.block ?? [], PROCESS_KEYWORDS, draft);
  const [process, ...parameters] = draft.process ?? [];
  if (process === undefined) {
    report.error(block.keyword, 'no-process', `vrrp_track_process ${name} has no process`);
    return null;
  }
  if (draft.quorumMax !== null && draft.quorumMax !== 0 && draft.quorumMax < draft.quorum) {
    report.error(
      block.keyword,
      'bad-quorum',
      `quorum_max of vrrp_track_process ${name} is less than its quorum`,
    );
  }
  return {
    name,
    process,
    parameters: parameters.length > 0 || draft.parameterMatch !== null ? parameters : null,
    parameterMatch: draft.parameterMatch ?? 'exact',
    fullCommand: draft.fullCommand,
    // A maximum of 0 means that none may run.
    quorum: draft.quorumMax === 0 ? 0 : draft.quorum,
    quorumMax: draft.quorumMax ?? Infinity,
    forkDelayMs: draft.forkDelayMs,
    terminateDelayMs: draft.terminateDelayMs,
    ...draft.weight,
  };
}

interface FileDraft {
  path: string | null;
  weight: Weight;
  initial: { value: number; overwrite: boolean } | null;
}

const FILE_WEIGHT_MAX = 2 ** 31 - 1;

const FILE_KEYWORDS: Keywords<FileDraft> = keywordTable<FileDraft>({
  file(draft, statement, report) {
    draft.path = readText(report, statement, 'the path of a file') ?? draft.path;
  },
  weight(draft, statement, report) {
    draft.weight = readWeight(report, statement, FILE_WEIGHT_MAX) ?? draft.weight;
  },
  init_file(draft, statement, report) {
    const initial = { value: 0, overwrite: false };
    for (const word of statement.values) {
      if (/^-?\d{1,10}$/.test(word.text)) initial.value = Number(word.text);
      else if (word.text === 'overwrite') initial.overwrite = true;
      else
        report.error(
          word,
          'bad-value',
          `init_file takes a whole number and overwrite, not ${show(word.text)}`,
        );
    }
    draft.initial = initial;
  },
});

/** Reads a track_file; null: reported. */
export function readFile(report: Report, block: Statement, name: string): FileBlock | null {
  const draft: FileDraft = { path: null, weight: { weight: 1, reverse: false }, initial: null };
  readStatements(report, `${block.keyword.text} ${name}`, block.block ?? [], FILE_KEYWORDS, draft);
  if (draft.path === null) {
    report.error(block.keyword, 'no-file', `${block.keyword.text} ${name} has no file`);
    return null;
  }
  return { name, path: draft.path, initial: draft.initial, ...draft.weight };
}
