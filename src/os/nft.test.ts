import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it, type TestContext } from 'node:test';
import { Nft, findNft } from './nft.ts';

/** A program in nft's place. */
function fake(t: TestContext, script: string): Nft {
  const folder = mkdtempSync(join(tmpdir(), 'baton-'));
  const file = join(folder, 'nft');
  writeFileSync(file, `#!/bin/sh\n${script}\n`);
  chmodSync(file, 0o755);
  const nft = new Nft(file);
  t.after(() => {
    nft.close();
    rmSync(folder, { recursive: true });
  });
  return nft;
}

/** Complains of markers as nft 1.0.6 does, and of lines with `bad` before. */
const COMPLAINS = `while read -r line; do
  case "$line" in
    *bad*) printf 'Error: No such file or directory\\n%s\\n^^^\\n' "$line" >&2;;
    baton_*) printf 'Error: syntax error, unexpected newline\\n%s\\n        ^\\n' "$line" >&2;;
    quit) exit 3;;
    hit) kill -TERM $$; kill -INT $$; kill -HUP $$;;
  esac
done`;

it('tells which of several transactions failed, and why', async (t) => {
  const nft = fake(t, COMPLAINS);
  const results = await Promise.all([nft.apply(['good']), nft.apply(['bad', 'good']), nft.apply(['good'])]);
  assert.deepEqual(
    results.map((result) => (result.ok ? 'ok' : `${result.problem.code}: ${result.problem.sentence}`)),
    ['ok', 'nft-refused: nft refused: No such file or directory', 'ok'],
  );
});

it('fails what waits when the child ends, and starts another for the next', async (t) => {
  const nft = fake(t, COMPLAINS);
  const [first, second] = await Promise.all([nft.apply(['quit']), nft.apply(['good'])]);
  assert.equal(!first.ok && first.problem.code, 'nft-ended');
  assert.equal(!second.ok && second.problem.code, 'nft-ended');
  assert.equal((await nft.apply(['good'])).ok, true);
});

it('keeps its child through signals that are sent to all of us, to end in order', async (t) => {
  const nft = fake(t, COMPLAINS);
  assert.deepEqual(await Promise.all([nft.apply(['hit']), nft.apply(['good'])]), [
    { ok: true, value: null },
    { ok: true, value: null },
  ]);
});

it('passes on the last words of a child that could not start its work', async (t) => {
  const words = 'Unable to initialize Netlink socket: Protocol not supported';
  const result = await fake(t, `echo '${words}' >&2; exit 1`).apply(['good']);
  assert.ok(!result.ok);
  assert.equal(result.problem.sentence, `nft did not answer: it exited with 1: ${words}`);
});

it('gives up on a child that does not answer', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const nft = fake(t, 'cat > /dev/null');
  const waiting = nft.apply(['good']);
  t.mock.timers.tick(5_000);
  const result = await waiting;
  assert.ok(!result.ok);
  assert.match(result.problem.sentence, /no answer within 5 s/);
});

it('says that nft is missing, cannot be started, or was closed', async () => {
  const codeOf = async (nft: Nft): Promise<string> => {
    const result = await nft.apply(['good']);
    return result.ok ? 'ok' : result.problem.code;
  };
  assert.equal(await codeOf(new Nft(null)), 'nft-absent');
  assert.equal(await codeOf(new Nft('/nonexistent/nft')), 'nft-ended');
  const closed = new Nft('/nonexistent/nft');
  closed.close();
  assert.equal(await codeOf(closed), 'nft-ended');
});

it('takes a line break within a transaction for a bug', () => {
  assert.throws(() => new Nft(null).apply(['a\nb']), /would end the transaction/);
});

it('finds no nft on a PATH without one but in the usual folders', () => {
  const found = findNft('/nonexistent');
  assert.ok(found === null || found.includes('sbin/nft'), String(found));
});
