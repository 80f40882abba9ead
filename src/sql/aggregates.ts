import { ALLOWED_FUNCTIONS } from "./allowed-functions.ts";
import { builtInName, type FuncCall, type Node, pathOf, walk } from "./ast.ts";
import { timeGroupOf } from "./expand-macros.ts";

/** Aggregates of the allow-list. Those for hypothetical sets and ordered sets need WITHIN GROUP, and are named here as well. */
const AGGREGATES: ReadonlySet<string> = new Set(
  `any_value array_agg avg bit_and bit_or bit_xor bool_and bool_or corr count covar_pop covar_samp cume_dist dense_rank every json_agg
   json_object_agg jsonb_agg jsonb_object_agg max min mode percent_rank percentile_cont percentile_disc range_agg range_intersect_agg
   rank regr_avgx regr_avgy regr_count regr_intercept regr_r2 regr_slope regr_sxx regr_sxy regr_syy stddev stddev_pop stddev_samp
   string_agg sum var_pop var_samp variance`.split(/\s+/),
);

/** Set-returning functions of the allow-list: where one stands among the outputs, a row becomes several. */
const SET_RETURNING: ReadonlySet<string> = new Set(
  `generate_series generate_subscripts json_array_elements json_array_elements_text json_each json_each_text json_object_keys
   jsonb_array_elements jsonb_array_elements_text jsonb_each jsonb_each_text jsonb_object_keys jsonb_path_query jsonb_path_query_tz
   regexp_matches regexp_split_to_table string_to_table unnest`.split(/\s+/),
);

/** True for `sum(x)` and the like; false for `sum(x) OVER (…)`, which is a window call. */
export function isAggregate(call: FuncCall): boolean {
  return call.over === undefined && AGGREGATES.has(pathOf(call.funcname).at(-1) ?? "");
}

export function isSetReturning(call: FuncCall): boolean {
  return SET_RETURNING.has(pathOf(call.funcname).at(-1) ?? "");
}

/** True for a call that gives one value for each row. An operator's own functions may be aggregates or give several, so only known ones count. */
export function isRowByRow(node: Extract<Node, { FuncCall: unknown }>): boolean {
  const call = node.FuncCall;
  const known = ALLOWED_FUNCTIONS.has(builtInName(call) ?? "") || timeGroupOf(node) !== undefined;
  return known && call.over === undefined && !isAggregate(call) && !isSetReturning(call);
}

/** True for an output that neither gathers rows nor makes several of one. */
export function givesOneRow(target: Node): boolean {
  let plain = true;
  walk(target, (node) => {
    // An aggregate in a sub-select may be of the rows out here.
    if ("SubLink" in node || ("FuncCall" in node && !isRowByRow(node))) plain = false;
    return plain;
  });
  return plain;
}
