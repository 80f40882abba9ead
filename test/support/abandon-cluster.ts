import { createCluster } from "../../src/demo/cluster.ts";

/** A program that starts a cluster, prints its port, and waits to be killed. */
const cluster = await createCluster({ name: "abandoned" });
process.stdout.write(`${cluster.port}\n`);
setInterval(() => undefined, 60_000);
