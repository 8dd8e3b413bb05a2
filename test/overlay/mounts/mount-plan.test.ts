import test from "ava";
import type { LayerId } from "../../../core/model/ids.js";
import type { LayerImageFile } from "../../../core/ports/layer-store.js";
import { planMounts } from "../../../overlay/mounts/mount-plan.js";

const image = (name: string, ...devices: string[]): LayerImageFile => ({ id: name as LayerId, path: `/s/${name}`, devices });
const overlay = { upper: "c/upper.1", work: "c/work.1", mountPoints: "mount-points", target: "mounts/c", withoutDevices: false };
const step = (name: string, ...devices: string[]): object => ({
  kind: "image",
  image: `/s/${name}`,
  devices,
  target: `m/${name}`,
});

const cases: readonly {
  readonly why: string;
  readonly images: readonly LayerImageFile[];
  readonly mounted?: string;
  readonly steps: readonly object[];
  readonly lower: readonly string[];
}[] = [
  { why: "without layers stacks on the mount points alone", images: [], steps: [], lower: ["mount-points"] },
  { why: "mounts one image, then the overlay", images: [image("a")], steps: [step("a")], lower: ["m/a", "mount-points"] },
  {
    why: "keeps the newest layer on top",
    images: [image("b"), image("a")],
    steps: [step("b"), step("a")],
    lower: ["m/b", "m/a", "mount-points"],
  },
  {
    why: "keeps devices in slot order",
    images: [image("b", "/s/z", "/s/a")],
    steps: [step("b", "/s/z", "/s/a")],
    lower: ["m/b", "mount-points"],
  },
  {
    why: "stacks a layer that comes twice once, at its upper place",
    images: [image("a"), image("b"), image("a")],
    steps: [step("a"), step("b")],
    lower: ["m/a", "m/b", "mount-points"],
  },
  {
    why: "mounts no image again",
    images: [image("b"), image("a")],
    mounted: "/s/a",
    steps: [step("b")],
    lower: ["m/b", "m/a", "mount-points"],
  },
];

for (const { why, images, mounted, steps, lower } of cases) {
  test(`planMounts() ${why}`, (t) => {
    const plan = planMounts(
      { ...overlay, images },
      (path) => path.replace("/s/", "m/"),
      (path) => path === mounted,
    );
    const { upper, work, target, withoutDevices } = overlay;
    t.deepEqual<readonly object[], readonly object[]>(plan, [
      ...steps,
      { kind: "overlay", lower, upper, work, target, withoutDevices },
    ]);
  });
}

test("planMounts() of this machine's root binds it once, and lays an overlay without an index on it", (t) => {
  const { upper, work, target, withoutDevices } = overlay;
  const stacked = { kind: "overlay", lower: ["m/0"], upper, work, target, withoutDevices, withoutIndex: true };
  const plan = (isMounted: boolean): readonly object[] =>
    planMounts(
      { ...overlay, images: "machine" },
      () => "m/0",
      () => isMounted,
    );
  t.deepEqual<readonly object[], readonly object[]>(plan(false), [{ kind: "root", target: "m/0" }, stacked]);
  t.deepEqual<readonly object[], readonly object[]>(plan(true), [stacked]);
});
