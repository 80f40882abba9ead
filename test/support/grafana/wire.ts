/** A request as a plugin or Grafana's proxy sends it to the datasource's URL. */
export interface WireRequest {
  readonly method: "GET" | "POST";
  /** Path and query string. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
}

export interface WireResponse {
  readonly status: number;
  /** The HTTP reason phrase. */
  readonly reason: string;
  readonly text: string;
}

export type Send = (request: WireRequest) => Promise<WireResponse>;

/** Sends requests to `url`, with a bearer token if there is one. */
export function createSend(url: string, token?: string): Send {
  return async ({ method, path, headers, body }) => {
    const authorization = token === undefined ? {} : { Authorization: `Bearer ${token}` };
    const response = await fetch(`${url.replace(/\/$/, "")}${path}`, {
      method,
      headers: { ...headers, ...authorization },
      ...(body === undefined ? {} : { body }),
    });
    return { status: response.status, reason: response.statusText, text: await response.text() };
  };
}
