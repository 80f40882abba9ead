import { expect, test } from "vitest";
import { createLaneGroups } from "../../../src/execute/lane-groups.ts";

const never = new AbortController().signal;

function createGroups({ scheduledGroup = true } = {}) {
  const openSession = () => Promise.reject(new Error("no session is needed here"));
  const groups = createLaneGroups({ laneGroups: 2, scheduledGroup, openSession, observe: () => undefined });
  const pick = (priority: "interactive" | "scheduled", streamed = false) =>
    groups.pick({ priority, streamed, needed: [0] }).lane(0);
  return { groups, pick };
}

test("panels have the group with the least work, scheduled queries one of their own", async () => {
  const { groups, pick } = createGroups();
  expect([pick("interactive").group, groups.all().length]).toEqual([0, 3]);
  const turn = await pick("interactive").take(never);
  expect(pick("interactive").group).toBe(1);
  await turn.end("timeout");
  expect(pick("interactive").group).toBe(0);
  expect(pick("scheduled").group).toBe(2);
  await groups.close();
});

test("where no queries are scheduled there is no group for them", async () => {
  const { groups, pick } = createGroups({ scheduledGroup: false });
  expect([pick("scheduled").group, groups.all().length]).toEqual([0, 2]);
  await groups.close();
});

test("streams, which may hold a lane for as long as they like, leave a group to the others", async () => {
  const { groups, pick } = createGroups();
  for (let count = 0; count < 3; count += 1) {
    expect(pick("interactive", true).group).toBe(1);
    void pick("interactive", true).take(never);
  }
  expect(pick("interactive").group).toBe(0);
  await groups.close();
});
