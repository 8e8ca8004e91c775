import assert from 'node:assert/strict';
import { it } from 'node:test';
import { answerRequest, toJson } from './routes.ts';

const SOURCE = { status: () => ({ epoch: 7n }) };

it('answers GET /status, and says what is wrong with anything else', async () => {
  const status = async (method: string, path: string): Promise<number> =>
    (await answerRequest({ method, path }, SOURCE)).status;
  assert.equal(
    toJson((await answerRequest({ method: 'GET', path: '/status' }, SOURCE)).body),
    '{"epoch":"7"}',
  );
  assert.equal(await status('POST', '/status'), 405);
  assert.equal(await status('GET', '/'), 404);
  assert.equal(await status('POST', '/constructor'), 404);
});

it('passes orders on, which are POSTed', async () => {
  const orders = { '/switch': async (body: unknown) => Promise.resolve({ status: 200, body }) };
  const source = { ...SOURCE, orders };
  const answer = await answerRequest({ method: 'POST', path: '/switch', body: { to: 'b' } }, source);
  assert.deepEqual(answer, { status: 200, body: { to: 'b' } });
  assert.equal((await answerRequest({ method: 'GET', path: '/switch' }, source)).status, 405);
});

it("turns the daemon's byte strings into text", () => {
  const bytes = Buffer.from('caf\u00e9', 'utf8').toString('latin1');
  assert.deepEqual(JSON.parse(toJson({ name: bytes, plain: 'x' })), { name: 'caf\u00e9', plain: 'x' });
});
