import { type LoadOptions, loadConfig } from "../../../src/config/load.ts";
import { AppError } from "../../../src/errors.ts";

/** What the loader says of wrong settings. Fails when it finds nothing wrong. */
export async function mistakesOf(options: LoadOptions): Promise<string> {
  try {
    await loadConfig(options);
  } catch (error) {
    if (error instanceof AppError && error.code === "CONFIG_INVALID") return error.message;
    throw error;
  }
  throw new Error("the settings were accepted");
}
