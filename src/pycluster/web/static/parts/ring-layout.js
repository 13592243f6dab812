// Where each node stands in the drawing: around the middle by zone and name, on more than one ring where they are many.
/** Between two rings, as a part of the outer one's radius. */
const GAP = 0.13;
const ONE_RING = 110;
const SECTORS_FROM = 15;
const place = (node) => `${node.region}/${node.zone}`;

/** "eu / b", or "". */
export function zoneOf(node) {
  return [node.region, node.zone].filter(Boolean).join(" / ");
}

function at(angle, radius) {
  return [Math.sin(angle) * radius, -Math.cos(angle) * radius];
}

/** Runs of neighbours in one zone; none where there is but one zone, or so few nodes that each says its own. */
function runsOf(others) {
  const runs = [];
  others.forEach((node, index) => {
    const last = runs[runs.length - 1];
    if (last && last.zone === place(node)) last.to = index;
    else runs.push({ zone: place(node), from: index, to: index, name: zoneOf(node) });
  });
  return runs.length > 1 && others.length >= SECTORS_FROM ? runs.filter((run) => run.name) : [];
}

function sectorsOf(others, turn, outer, rings) {
  return runsOf(others).map((run) => {
    const [x, y] = at(((run.from + run.to) / 2) * turn, rings > 1 ? outer + 30 : outer * 0.55);
    const border = (run.from - 0.5) * turn;
    const [x0, y0] = at(border, outer - rings * outer * GAP);
    const [x1, y1] = at(border, outer + 10);
    return { ...run, x, y, x0, y0, x1, y1 };
  });
}

/** `here` is this node; `spots` are the others with x, y and angle; `scale` is how large their signs are. */
export function layout(nodes, outer) {
  const here = nodes.find((node) => node.local) ?? null;
  const others = nodes.filter((node) => !node.local);
  if (others.some(zoneOf)) {
    const rank = new Map([...new Set(others.map(place))].sort().map((name, index) => [name, index]));
    others.sort((a, b) => rank.get(place(a)) - rank.get(place(b)));
  }
  const rings = others.length <= ONE_RING ? 1 : Math.min(5, Math.ceil(others.length / 120));
  const turn = (2 * Math.PI) / Math.max(others.length, 1);
  const spots = others.map((node, index) => {
    const [x, y] = at(index * turn, outer - (index % rings) * outer * GAP);
    return { node, x, y, angle: index * turn };
  });
  const room = (2 * Math.PI * outer * (1 - (rings - 1) * GAP) * rings) / Math.max(others.length, 1);
  return { here, spots, rings, sectors: sectorsOf(others, turn, outer, rings), outer, scale: Math.max(0.42, Math.min(1.4, room / 24)) };
}
