import { AppError } from "../errors.ts";

/** The error for a federation database that cannot be reached, or no longer. */
export function federationUnavailable(cause: unknown): AppError {
  return new AppError("FEDERATION_UNAVAILABLE", "the federation database cannot be reached", {
    hint: "try again in a few seconds; /readyz says when it is back",
    retryAfterSeconds: 5,
    cause,
  });
}
