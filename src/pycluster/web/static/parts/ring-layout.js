// Where each node stands in the drawing: around the middle by zone and name, on more than one ring where they are many.
const OUTER = 250;
const GAP = 36;
const ONE_RING = 110;
const place = (node) => `${node.region}/${node.zone}`;

function at(angle, radius) {
  return [Math.sin(angle) * radius, -Math.cos(angle) * radius];
}

/** Runs of neighbours in one zone, for their names; empty where there is but one zone. */
function zones(others) {
  const runs = [];
  others.forEach((node, index) => {
    const last = runs[runs.length - 1];
    if (last && last.zone === place(node)) last.to = index;
    else runs.push({ zone: place(node), from: index, to: index, name: [node.region, node.zone].filter(Boolean).join(" / ") });
  });
  return runs.length > 1 ? runs.filter((run) => run.name) : [];
}

/** `here` is this node; `spots` are the others with x, y, angle and ring; `scale` is how large their signs are. */
export function layout(nodes) {
  const here = nodes.find((node) => node.local) ?? null;
  const others = nodes.filter((node) => !node.local);
  if (others.some((node) => node.zone || node.region)) {
    const rank = new Map([...new Set(others.map(place))].sort().map((name, index) => [name, index]));
    others.sort((a, b) => rank.get(place(a)) - rank.get(place(b)));
  }
  const rings = others.length <= ONE_RING ? 1 : Math.min(5, Math.ceil(others.length / 120));
  const turn = (2 * Math.PI) / Math.max(others.length, 1);
  const spots = others.map((node, index) => {
    const angle = index * turn;
    const [x, y] = at(angle, OUTER - (index % rings) * GAP);
    return { node, x, y, angle };
  });
  const room = (2 * Math.PI * (OUTER - (rings - 1) * GAP) * rings) / Math.max(others.length, 1);
  const sectors = zones(others).map((run) => {
    const middle = ((run.from + run.to) / 2) * turn;
    const [x, y] = at(middle, rings > 1 ? OUTER + 30 : OUTER * 0.58);
    const [x1, y1] = at((run.from - 0.5) * turn, OUTER + 8);
    const [x0, y0] = at((run.from - 0.5) * turn, OUTER - rings * GAP);
    return { ...run, x, y, x0, y0, x1, y1 };
  });
  return { here, spots, rings, sectors, outer: OUTER, scale: Math.max(0.42, Math.min(1.4, room / 24)) };
}
