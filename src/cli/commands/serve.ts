import { LOG_LEVELS, type LogLevel } from "../../observe/log.ts";
import { type Command, type Given, UsageError } from "../command.ts";
import { listen } from "../listen.ts";
import { readSettings, SETTINGS_OPTIONS } from "../settings-options.ts";
import { printLine, untilStopped } from "../terminal.ts";

export const serve: Command = {
  name: "serve",
  summary: "Answer Grafana and Prometheus until stopped",
  details:
    "Reads the settings, the catalog of the federation database, and listens. Ctrl-C or SIGTERM lets running requests " +
    "end for as long as server.shutdownGrace allows; a second one stops at once. The log is JSON on standard error.",
  options: {
    ...SETTINGS_OPTIONS,
    host: { value: "ADDRESS", summary: "Address to listen on; over server.host" },
    port: { value: "PORT", summary: "Port to listen on, 0 for a free one; over server.port" },
    "log-level": { value: "LEVEL", summary: `One of ${LOG_LEVELS.join(", ")}`, fallback: "info" },
  },
  examples: [
    "tenantry serve --config tenantry.yaml",
    "TENANTRY_FEDERATION__URL=postgres://… tenantry serve --port 9090",
  ],
  run: async (given, terminal) => {
    const config = await readSettings(given, terminal, {
      "server.host": given.text("host"),
      "server.port": given.text("port"),
    });
    const { createApp } = await import("../../app.ts");
    const app = await createApp({ config, logLevel: readLogLevel(given) });
    try {
      await listen(app, config.server.port);
      await untilStopped(terminal.stop);
      // The log says it to programs, which expect nothing but JSON here.
      if (terminal.stderr.isTTY) printLine(terminal.stderr, "stopping; once more to stop at once");
    } finally {
      await app.close(config.server.shutdownGrace);
    }
    return 0;
  },
};

function readLogLevel(given: Given): LogLevel {
  const text = given.text("log-level") ?? "info";
  const level = LOG_LEVELS.find((known) => known === text);
  if (level !== undefined) return level;
  throw new UsageError(`--log-level ${text}: must be one of ${LOG_LEVELS.join(", ")}`);
}
