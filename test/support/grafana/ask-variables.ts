import { runInfinityVariable } from "./infinity.ts";
import type { PanelContext, VariableValue } from "./panel-context.ts";
import type { Variable } from "./provisioning.ts";
import { runSimpodVariable } from "./simpod.ts";
import type { Send } from "./wire.ts";

async function askOptions(variable: Variable, context: PanelContext, send: Send): Promise<readonly string[]> {
  switch (variable.datasource?.type) {
    case "yesoreyeram-infinity-datasource":
      return runInfinityVariable(variable.query, context, send);
    case "simpod-json-datasource":
      return runSimpodVariable(variable.query, context, send);
    default:
      throw new Error(`variable ${variable.name} has no datasource that can be asked`);
  }
}

/**
 * The values with which a dashboard opens: of a query variable all options where it includes All, else the first; of the
 * others their current value.
 */
export async function askVariables(
  variables: readonly Variable[],
  context: PanelContext,
  send: Send,
): Promise<ReadonlyMap<string, VariableValue>> {
  const values = new Map<string, VariableValue>();
  for (const variable of variables) {
    if (variable.type !== "query") {
      values.set(variable.name, variable.current.value ?? "");
      continue;
    }
    const options = await askOptions(variable, context, send);
    if (options.length === 0) throw new Error(`variable ${variable.name} has no options`);
    const { includeAll, allValue, multi } = variable;
    const first = multi === true ? options.slice(0, 1) : (options[0] ?? "");
    values.set(variable.name, includeAll !== true ? first : allValue === undefined ? options : { allValue });
  }
  return values;
}
