// What can be asked of a running daemon, as functions from a request to data. The control socket serves them; a server
// on TCP can serve the same.

/** One request; `path` without its query. */
export interface ApiRequest {
  readonly method: string;
  readonly path: string;
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
}

/** Answers `request`. Nothing here changes anything. */
export function answerRequest(request: ApiRequest, source: ApiSource): ApiResponse {
  if (request.path !== '/status') {
    return { status: 404, body: { code: 'not-found', sentence: `There is nothing at ${request.path}.` } };
  }
  if (request.method !== 'GET') {
    return { status: 405, body: { code: 'bad-method', sentence: `${request.path} can only be read (GET).` } };
  }
  return { status: 200, body: source.status() };
}

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
