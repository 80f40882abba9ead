import { monitorEventLoopDelay } from "node:perf_hooks";
import { Counter, Gauge, type Registry } from "prom-client";

/**
 * Registers what Prometheus expects of any process, under the usual names. Fewer than prom-client's own set: that one
 * starts observers of garbage collection and the event loop which cannot be stopped.
 */
export function registerProcessMetrics(registry: Registry): { close(): void } {
  const registers = [registry];
  const delay = monitorEventLoopDelay({ resolution: 20 });
  delay.enable();
  let cpuSeconds = 0;
  new Counter({
    name: "process_cpu_seconds_total",
    help: "Processor time used, user and system.",
    registers,
    collect() {
      const { user, system } = process.cpuUsage();
      const total = (user + system) / 1e6;
      this.inc(Math.max(0, total - cpuSeconds));
      cpuSeconds = total;
    },
  });
  const gauge = (name: string, help: string, read: () => number) =>
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(read());
      },
    });
  gauge(
    "process_start_time_seconds",
    "When the process started, epoch seconds.",
    () => Date.now() / 1000 - process.uptime(),
  );
  gauge("process_resident_memory_bytes", "Resident memory.", () => process.memoryUsage.rss());
  gauge("nodejs_heap_size_used_bytes", "JavaScript heap in use.", () => process.memoryUsage().heapUsed);
  gauge(
    "nodejs_external_memory_bytes",
    "Memory of buffers and other objects outside the heap.",
    () => process.memoryUsage().external,
  );
  gauge("nodejs_eventloop_lag_p99_seconds", "99th percentile of the event loop's delay since the last scrape.", () => {
    const seconds = delay.percentile(99) / 1e9;
    delay.reset();
    return Number.isFinite(seconds) ? seconds : 0;
  });
  return {
    close: () => {
      delay.disable();
    },
  };
}
