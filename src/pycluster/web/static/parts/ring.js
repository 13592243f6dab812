// The drawing: this node in the middle, a line to every other, the line's kind telling state and round trip time.
import { nodePath } from "../router.js";
import { roundTrip } from "./ages.js";
import { Empty } from "./cards.js";
import { stateShape } from "./glyphs.js";
import { html, useComputed, useMemo } from "./html.js";
import { layout } from "./ring-layout.js";

const NAMED_MOST = 60;
const LEVEL_MOST = 14;
const TIMED_MOST = 16;
const POINTED_MOST = 24;
const STAR = "m8 1 2.1 4.6 5 .6-3.7 3.4 1 4.9L8 12l-4.4 2.5 1-4.9L.9 6.2l5-.6Z";

function linkKind(node) {
  if (node.state === "down" || node.state === "suspect") return node.state;
  if (node.state !== "alive") return "none";
  const rtt = node.rtt.value;
  if (rtt === null) return "unmeasured";
  return rtt < 1 ? "near" : rtt < 20 ? "middle" : "far";
}

function short(name) {
  return name.length > 18 ? `${name.slice(0, 17)}…` : name;
}

function Link({ spot, timed }) {
  const { node, x, y } = spot;
  const kind = useComputed(() => `link link-${linkKind(node)}`);
  const time = useComputed(() => (node.rtt.value === null ? "" : roundTrip(node.rtt.value)));
  return html`<g><line class=${kind} x1="0" y1="0" x2=${x} y2=${y} />
    ${timed && node.state === "alive" && html`<text class="link-time" x=${x * 0.72} y=${y * 0.72 + 4} text-anchor="middle">${time}</text>`}</g>`;
}

function Label({ node, angle, x, y, radius, level }) {
  const side = Math.sin(angle);
  if (level) {
    const anchor = Math.abs(side) < 0.25 ? "middle" : side > 0 ? "start" : "end";
    const drop = anchor === "middle" ? (Math.cos(angle) > 0 ? -18 : 28) : 5;
    return html`<text class="name" x=${anchor === "middle" ? x : x + Math.sign(side) * 16} y=${y + drop} text-anchor=${anchor}>${short(node.name)}</text>`;
  }
  const degrees = (angle * 180) / Math.PI - 90;
  const turned = side < -0.001;
  return html`<text class="name" transform=${`rotate(${degrees}) translate(${radius + 14} 0) rotate(${turned ? 180 : 0})`} dy="4" text-anchor=${turned ? "end" : "start"}>${short(node.name)}</text>`;
}

function Sign({ node, x, y, scale }) {
  const size = 16 * scale;
  return html`<g class=${`sign state-${node.state} ${node.role === "leader" ? "leads" : ""}`} transform=${`translate(${x - size / 2} ${y - size / 2}) scale(${scale})`}>
    <circle class="ground" cx="8" cy="8" r="10" />
    ${node.role === "leader" ? html`<circle class="halo" cx="8" cy="8" r="12" /><path class="fill star" d=${STAR} />` : stateShape(node.state)}</g>`;
}

function Spot({ spot, plan, named, level, reachable }) {
  const { node } = spot;
  return useMemo(() => {
    const scale = node.role === "leader" ? Math.max(plan.scale, 1) : plan.scale;
    return html`<a href=${nodePath(node.name)} class="spot" tabindex=${reachable ? undefined : "-1"} aria-label=${`${node.name}: ${node.state}, ${node.role}`}>
      <title>${node.name}: ${node.state}, ${node.role}</title>
      <${Sign} node=${node} x=${spot.x} y=${spot.y} scale=${scale} />
      ${named && html`<${Label} ...${spot} radius=${plan.outer} level=${level} />`}</a>`;
  }, [node, spot.x, spot.y, plan.scale, named, level, reachable]);
}

/** The drawing of these nodes; `small` leaves names out where they would not be read. */
export function Ring({ nodes, small = false }) {
  const plan = useMemo(() => layout(nodes), [nodes]);
  const { here, spots } = plan;
  if (!nodes.length) return html`<${Empty} title="No nodes yet" />`;
  const few = spots.length <= (small ? 24 : NAMED_MOST);
  const notable = spots.filter(({ node }) => node.role === "leader" || node.state === "down" || node.state === "suspect");
  const pointed = !few && notable.length <= POINTED_MOST ? new Set(notable) : new Set();
  const level = spots.length <= LEVEL_MOST;
  const box = level || !few ? "-390 -310 780 620" : "-420 -420 840 840";
  return html`<svg class=${`ring ${small ? "small" : ""}`} viewBox=${box} role="group" aria-label=${`${here ? here.name : "This node"} and ${spots.length} others`}>
    ${plan.sectors.map((sector) => html`<line key=${`l${sector.zone}`} class="sector" x1=${sector.x0} y1=${sector.y0} x2=${sector.x1} y2=${sector.y1} />`)}
    ${here && spots.map((spot) => html`<${Link} key=${spot.node.name} spot=${spot} timed=${!small && spots.length <= TIMED_MOST} />`)}
    ${!small && plan.sectors.map((sector) => html`<text key=${`t${sector.zone}`} class="zone" x=${sector.x} y=${sector.y} text-anchor="middle">${sector.name}</text>`)}
    ${spots.map((spot) => html`<${Spot} key=${spot.node.name} spot=${spot} plan=${plan} named=${few || (!small && pointed.has(spot))} level=${level} reachable=${few && !small} />`)}
    ${here && html`<${Spot} key="here" spot=${{ node: here, x: 0, y: 0, angle: Math.PI }} plan=${{ ...plan, scale: 1.5 }} named level reachable=${!small} />`}
  </svg>`;
}
