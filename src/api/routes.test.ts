import assert from 'node:assert/strict';
import { it } from 'node:test';
import { answerRequest, toJson } from './routes.ts';

const SOURCE = { status: () => ({ epoch: 7n }) };

it('answers GET /status, and says what is wrong with anything else', () => {
  assert.equal(toJson(answerRequest({ method: 'GET', path: '/status' }, SOURCE).body), '{"epoch":"7"}');
  assert.equal(answerRequest({ method: 'POST', path: '/status' }, SOURCE).status, 405);
  assert.equal(answerRequest({ method: 'GET', path: '/' }, SOURCE).status, 404);
});

it("turns the daemon's byte strings into text", () => {
  const bytes = Buffer.from('caf\u00e9', 'utf8').toString('latin1');
  assert.deepEqual(JSON.parse(toJson({ name: bytes, plain: 'x' })), { name: 'caf\u00e9', plain: 'x' });
});
