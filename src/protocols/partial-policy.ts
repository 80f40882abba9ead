import { AppError } from "../errors.ts";
import type { PartialPolicy } from "../types.ts";
import { showInput } from "./show-input.ts";

/** The policy that `allow`, `fail` or a share such as `95%` names; undefined, null and "" are the default. Throws REQUEST_INVALID. */
export function parsePartialPolicy(input: unknown, fallback: PartialPolicy = "allow"): PartialPolicy {
  if (input === undefined || input === null || input === "") return fallback;
  if (input === "allow" || input === "fail") return input;
  const share = typeof input === "string" ? /^\s*(\d{1,3}(?:\.\d{1,6})?)\s*%\s*$/.exec(input)?.[1] : undefined;
  const percent = share === undefined ? Number.NaN : Number(share);
  if (percent >= 0 && percent <= 100) return { percent };
  throw new AppError("REQUEST_INVALID", `partial: ${showInput(input)} is not known`, {
    hint: "write allow, fail, or a share of the tenants such as 95%",
  });
}
