// A reporter for node's test runner that writes what scripts/test.mjs adds up: one JSON line for each skipped test
// and for each total.

/** @typedef {{ name: string, nesting: number, message: string, skip?: string | boolean, details: { type?: string } }} Data */

/** @param {AsyncIterable<{ type: string, data: Data }>} source */
export default async function* counts(source) {
  for await (const { type, data } of source) {
    if (
      type === 'test:pass' &&
      data.skip !== undefined &&
      data.skip !== false &&
      data.details.type !== 'suite'
    ) {
      yield `${JSON.stringify({ skipped: data.name, reason: data.skip === true ? '' : data.skip })}\n`;
    }
    const total = /^(pass|fail|cancelled|skipped) (\d+)$/.exec(
      type === 'test:diagnostic' ? data.message : '',
    );
    if (total !== null && data.nesting === 0)
      yield `${JSON.stringify({ total: total[1], count: Number(total[2]) })}\n`;
  }
}
