import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { maskSecret, maskUrl } from "../../../src/config/mask.ts";
import { withSeed } from "./with-seed.ts";

describe("masking", () => {
  it("keeps what helps and hides the password", () => {
    expect(maskUrl("postgres://u:pw@h:5432/db?sslmode=require")).toBe("postgres://u:***@h:5432/db?sslmode=require");
    expect(maskUrl("postgres://h/db?user=u&password=pw&x=1")).toBe("postgres://h/db?user=u&password=***&x=1");
    expect(maskUrl("postgres://u@h/db")).toBe("postgres://u@h/db");
    expect(maskSecret("host=h password=pw")).toBe("***");
    expect(maskSecret("ab".repeat(32))).toBe("abababab…");
  });

  it("never prints a password, however it is written", () => {
    const awkward = fc.string({ unit: fc.constantFrom(..."ab:@/?#&=%$ '\"{}é"), minLength: 0, maxLength: 12 });
    const password = fc.tuple(awkward, awkward).map(([before, after]) => `${before}canary${after}`);
    withSeed(
      fc.property(password, fc.boolean(), (secret, encoded) => {
        const url = `postgres://user:${encoded ? encodeURIComponent(secret) : secret}@host:5432/db`;
        expect(maskSecret(url)).not.toContain("canary");
        expect(maskSecret(secret)).not.toContain("canary");
        expect(maskSecret(`postgres://host/db?user=u&password=${encodeURIComponent(secret)}`)).not.toContain("canary");
      }),
    );
  });
});
