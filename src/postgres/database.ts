import pgPromise from "pg-promise";

/** A row of a catalog query: parse it with zod before use. */
export type Row = Readonly<Record<string, unknown>>;

/** A small pool for Tenantry's own SQL (catalogs, onboarding). User SQL never comes here: it runs on lanes. */
export interface Database {
  /** Runs one statement; `values` are `$1`, `$2`, … over the extended protocol. */
  query(text: string, values?: readonly unknown[]): Promise<readonly Row[]>;
  /** Runs `work` in one transaction: committed when it resolves, rolled back when it rejects. */
  transaction<T>(work: (query: Database["query"]) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

export interface DatabaseOptions {
  readonly url: string;
  readonly applicationName: string;
  readonly maxConnections: number;
  readonly connectTimeoutMs: number;
  /** Ends a statement that takes longer, and its connection when that does not answer; no end when absent. */
  readonly queryTimeoutMs?: number;
  /** Closes a connection that is not used for so long; 0 for never, half a minute when absent. */
  readonly idleTimeoutMs?: number;
}

/** Opens a pool. Nothing is connected before the first query. Errors are those of `pg`: `code` is the SQLSTATE. */
export function createDatabase(options: DatabaseOptions): Database {
  const pgp = pgPromise({ noWarnings: true });
  const db = pgp({
    connectionString: options.url,
    application_name: options.applicationName,
    max: options.maxConnections,
    connectionTimeoutMillis: options.connectTimeoutMs,
    idleTimeoutMillis: options.idleTimeoutMs ?? 30_000,
    allowExitOnIdle: true,
    keepAlive: true,
    ...(options.queryTimeoutMs === undefined ? {} : { statement_timeout: options.queryTimeoutMs }),
  });
  const { queryTimeoutMs } = options;
  const query: Database["query"] = async (text, values) => {
    const statement =
      values === undefined || values.length === 0 ? text : new pgp.ParameterizedQuery({ text, values: [...values] });
    if (queryTimeoutMs === undefined) return db.any<Row>(statement);
    const connection = await db.connect();
    // A connection that did not answer in time is thrown away: pg would let the next statement wait behind this one.
    let late = false;
    let timer: NodeJS.Timeout | undefined;
    const timeout = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        late = true;
        reject(new Error(`no answer within ${queryTimeoutMs} ms`));
      }, queryTimeoutMs);
    });
    try {
      return await Promise.race([connection.any<Row>(statement), timeout]);
    } finally {
      clearTimeout(timer);
      await connection.done(late);
    }
  };
  return {
    query,
    transaction: (work) =>
      db.tx((tx) =>
        work(async (text, values) =>
          tx.any<Row>(
            values === undefined || values.length === 0
              ? text
              : new pgp.ParameterizedQuery({ text, values: [...values] }),
          ),
        ),
      ),
    close: () => db.$pool.end(),
  };
}
