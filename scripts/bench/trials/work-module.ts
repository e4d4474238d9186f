/** Served by `gee server`: work for a CPU, as JSON to be parsed or a page to be rendered is. */
export class Work {
  Burn(ms: number): number {
    const until = performance.now() + ms;
    let turns = 0;
    while (performance.now() < until) turns++;
    return turns > 0 ? ms : 0;
  }
}
