import { AppError } from "../errors.ts";
import type { PartialPolicy } from "../types.ts";
import { showInput } from "./show-input.ts";

/** A share of the tenants, 0 to 100 %, as requests and settings write it. */
export const SHARE = /^\s*(100(?:\.0{1,6})?|\d{1,2}(?:\.\d{1,6})?)\s*%\s*$/;

/** The policy that `allow`, `fail` or a share such as `95%` names; undefined, null and "" are the default. Throws REQUEST_INVALID. */
export function parsePartialPolicy(input: unknown, fallback: PartialPolicy = "allow"): PartialPolicy {
  if (input === undefined || input === null || input === "") return fallback;
  if (input === "allow" || input === "fail") return input;
  const percent = typeof input === "string" ? SHARE.exec(input)?.[1] : undefined;
  if (percent !== undefined) return { percent: Number(percent) };
  throw new AppError("REQUEST_INVALID", `partial: ${showInput(input)} is not known`, {
    hint: "write allow, fail, or a share of the tenants such as 95%",
  });
}
