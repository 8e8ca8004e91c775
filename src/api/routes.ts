// What can be asked of a running daemon, as functions from a request to data. The control socket serves them; a server
// on TCP can serve the same.

/** One request; `path` without its query. */
export interface ApiRequest {
  readonly method: string;
  readonly path: string;
  /** What was sent, from JSON; undefined: nothing. */
  readonly body?: unknown;
}

export interface ApiResponse {
  readonly status: number;
  /** Becomes JSON. */
  readonly body: unknown;
}

/** Where the answers come from. */
export interface ApiSource {
  /** Plain data; see `Status` of the daemon that serves. */
  status(): unknown;
  /** What can be ordered (POST), by path. Orders judge what they are given. */
  readonly orders?: Readonly<Record<string, (body: unknown) => Promise<ApiResponse>>>;
}

/** Answers `request`. */
export async function answerRequest(request: ApiRequest, source: ApiSource): Promise<ApiResponse> {
  const orders = source.orders ?? {};
  const order = Object.hasOwn(orders, request.path) ? orders[request.path] : undefined;
  if (order !== undefined) {
    return request.method === 'POST'
      ? order(request.body)
      : wrongMethod(`${request.path} is an order (POST).`);
  }
  if (request.path !== '/status') {
    return { status: 404, body: { code: 'not-found', sentence: `There is nothing at ${request.path}.` } };
  }
  if (request.method !== 'GET') {
    return wrongMethod(`${request.path} can only be read (GET).`);
  }
  return { status: 200, body: source.status() };
}

const wrongMethod = (sentence: string): ApiResponse => ({
  status: 405,
  body: { code: 'bad-method', sentence },
});

/**
 * JSON of an answer. The daemon's text is byte strings; here it becomes text for people, from UTF-8. Bigints, should
 * there be any, become decimal text.
 */
export function toJson(body: unknown): string {
  return JSON.stringify(body, (_key, value: unknown) => {
    if (typeof value === 'bigint') return value.toString();
    if (typeof value !== 'string' || !/[\u0080-\u00ff]/.test(value)) return value;
    return Buffer.from(value, 'latin1').toString('utf8');
  });
}
