import { figure, scene } from "../claim.ts";
import type { Claim } from "../claim.ts";
import type { SimulatedClient } from "../client.ts";
import type { World } from "../world.ts";

const keys = 5_000;

/** Who answers for each key. */
function ownersOf(world: World, client: SimulatedClient, salt: number): readonly unknown[] {
  const owners: unknown[] = Array.from({ length: keys });
  for (let key = 0; key < keys; key++) {
    world.clock.after(key / 5, () => {
      const call = world.call(client, "Work.Do", { hashKey: `${salt} ${key}` });
      void call.then((owner) => (owners[key] = owner));
    });
  }
  world.run(keys / 5 + 1_000);
  return owners;
}

/** Keys stay where they are when somebody else leaves. */
export const hash: Claim = {
  name: "hash",
  what: "one of 64 members leaves",
  run: (seed) => [
    scene(seed, (world) => {
      const random = world.chance();
      const salt = Math.floor(random() * 2 ** 32);
      const servers = world.serve(64);
      const gone = servers[Math.floor(random() * servers.length)];
      const others = servers.filter((server) => server !== gone);
      const [client, second] = world.connect(2);
      if (gone === undefined || client === undefined || second === undefined) return [];
      const before = ownersOf(world, client, salt);
      const elsewhere = ownersOf(world, second, salt).filter((owner, key) => owner !== before[key]);
      gone.drain();
      // Behind the watch of the list.
      world.run(2_000);
      const after = ownersOf(world, client, salt);
      const moved = after.filter((owner, key) => owner !== before[key]);
      const needless = moved.length - before.filter((owner) => owner === gone.number).length;
      const lost = after.filter((owner) => !others.some(({ number }) => number === owner));
      return [
        figure("keys that move", "%", moved.length / keys, "at most", 0.025),
        figure("keys that move and need not", "%", needless / keys, "at most", 0),
        figure("keys without an answer", "%", lost.length / keys, "at most", 0),
        figure(
          "keys that are elsewhere for another client",
          "%",
          elsewhere.length / keys,
          "at most",
          0,
        ),
      ];
    }),
  ],
};
