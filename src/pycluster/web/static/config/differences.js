// What changed between two texts, line by line: the shortest way from one to the other (Myers 1986, §4, the greedy algorithm).

/** Changes beyond which one text is said to have taken the other's place; looking for the shortest way takes their square. */
const CHANGES_MOST = 1_500;
/** Lines of a text beyond which nothing is compared. */
export const LINES_MOST = 20_000;
const CONTEXT = 3;

/** Lines with their ends: one without an end differs from one with it. */
function linesOf(text) {
  return text === "" ? [] : text.split(/(?<=\n)/);
}

/** For each number of changes, how far each diagonal gets; null where there are too many. */
function furthest(old, now) {
  const size = old.length + now.length;
  const most = Math.min(size, CHANGES_MOST);
  const reach = new Int32Array(2 * most + 3);
  const middle = most + 1;
  const trace = [];
  for (let changes = 0; changes <= most; changes += 1) {
    trace.push(reach.slice(middle - changes - 1, middle + changes + 2));
    for (let diagonal = -changes; diagonal <= changes; diagonal += 2) {
      const down = diagonal === -changes || (diagonal !== changes && reach[middle + diagonal - 1] < reach[middle + diagonal + 1]);
      let x = down ? reach[middle + diagonal + 1] : reach[middle + diagonal - 1] + 1;
      while (x < old.length && x - diagonal < now.length && old[x] === now[x - diagonal]) x += 1;
      reach[middle + diagonal] = x;
      if (x >= old.length && x - diagonal >= now.length) return trace;
    }
  }
  return null;
}

/** The steps from one to the other, `[sign, old index, new index]`. */
function steps(old, now) {
  const trace = furthest(old, now);
  if (!trace) return [...old.map((_, at) => ["-", at, 0]), ...now.map((_, at) => ["+", old.length, at])];
  const found = [];
  let x = old.length;
  let y = now.length;
  for (let changes = trace.length - 1; changes >= 0; changes -= 1) {
    const reach = trace[changes];
    const at = (diagonal) => reach[diagonal + changes + 1];
    const diagonal = x - y;
    const down = diagonal === -changes || (diagonal !== changes && at(diagonal - 1) < at(diagonal + 1));
    const fromX = changes === 0 ? 0 : down ? at(diagonal + 1) : at(diagonal - 1);
    const fromY = changes === 0 ? 0 : fromX - (down ? diagonal + 1 : diagonal - 1);
    while (x > fromX && y > fromY) found.push([" ", (x -= 1), (y -= 1)]);
    if (changes) found.push(down ? ["+", x, (y -= 1)] : ["-", (x -= 1), y]);
  }
  return found.reverse();
}

/**
 * `{lines, added, removed}`, or null where there is too much to compare. A line is `{sign, old, now, text, ended}` with sign
 * " ", "+" or "-" and line numbers from 1, or `{sign: "@", left}` for so many equal lines that are left out.
 */
export function compare(before, after) {
  const old = linesOf(before);
  const now = linesOf(after);
  if (Math.max(old.length, now.length) > LINES_MOST) return null;
  let head = 0;
  while (head < old.length && head < now.length && old[head] === now[head]) head += 1;
  let tail = 0;
  while (tail < old.length - head && tail < now.length - head && old[old.length - 1 - tail] === now[now.length - 1 - tail]) tail += 1;
  const middle = steps(old.slice(head, old.length - tail), now.slice(head, now.length - tail));
  const whole = [
    ...Array.from({ length: head }, (_, at) => [" ", at, at]),
    ...middle.map(([sign, x, y]) => [sign, x + head, y + head]),
    ...Array.from({ length: tail }, (_, at) => [" ", old.length - tail + at, now.length - tail + at]),
  ];
  const near = new Set();
  whole.forEach(([sign], at) => {
    if (sign !== " ") for (let by = -CONTEXT; by <= CONTEXT; by += 1) near.add(at + by);
  });
  const lines = [];
  let left = 0;
  const leave = () => left && (lines.push({ sign: "@", left }), (left = 0));
  whole.forEach(([sign, x, y], at) => {
    if (!near.has(at)) {
      left += 1;
      return;
    }
    leave();
    const text = sign === "+" ? now[y] : old[x];
    const ended = text.endsWith("\n");
    lines.push({ sign, old: sign === "+" ? 0 : x + 1, now: sign === "-" ? 0 : y + 1, text: ended ? text.slice(0, -1) : text, ended });
  });
  leave();
  return { lines, added: whole.filter(([sign]) => sign === "+").length, removed: whole.filter(([sign]) => sign === "-").length };
}
