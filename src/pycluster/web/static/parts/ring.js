// The drawing: this node in the middle, a line to every other, the line's kind telling state and round trip time.
import { nodePath } from "../router.js";
import { roundTrip } from "./ages.js";
import { Empty } from "./cards.js";
import { starShape, stateShape } from "./glyphs.js";
import { html, signal, useMemo } from "./html.js";
import { layout, zoneOf } from "./ring-layout.js";

const NAMED_MOST = 60;
const LEVEL_MOST = 14;
const TIMED_MOST = 16;
const POINTED_MOST = 24;
const NARROW = matchMedia("(max-width: 720px)");
const narrow = signal(NARROW.matches);
NARROW.addEventListener("change", () => (narrow.value = NARROW.matches));

function linkKind(node) {
  if (node.state === "down" || node.state === "suspect") return node.state;
  if (node.state !== "alive") return "none";
  const rtt = node.rtt.value;
  if (rtt === null) return "unmeasured";
  return rtt < 1 ? "near" : rtt < 20 ? "middle" : "far";
}

function short(name) {
  const most = narrow.value ? 12 : 18;
  return name.length > most ? `${name.slice(0, most - 1)}…` : name;
}

function Link({ spot, timed }) {
  const { node, x, y } = spot;
  const time = node.rtt.value === null ? "" : roundTrip(node.rtt.value);
  return html`<g><line class=${`link link-${linkKind(node)}`} x1="0" y1="0" x2=${x} y2=${y} />
    ${timed && node.state === "alive" && html`<text class="link-time" x=${x * 0.72} y=${y * 0.72 + 4} text-anchor="middle">${time}</text>`}</g>`;
}

function Label({ node, angle, x, y, radius, level }) {
  const side = Math.sin(angle);
  if (level) {
    const anchor = Math.abs(side) < 0.25 ? "middle" : side > 0 ? "start" : "end";
    const above = anchor === "middle" && Math.cos(angle) > 0;
    const left = anchor === "middle" ? x : x + Math.sign(side) * 18;
    const top = y + (anchor === "middle" ? (above ? -20 : x || y ? 30 : 38) : 5);
    const zone = zoneOf(node);
    return html`<text class="name" x=${left} y=${top} text-anchor=${anchor}>${short(node.name)}</text>
      ${zone && html`<text class="where" x=${left} y=${above ? top - 17 : top + 17} text-anchor=${anchor}>${short(zone)}</text>`}`;
  }
  const degrees = (angle * 180) / Math.PI - 90;
  const turned = side < -0.001;
  const turn = `rotate(${degrees}) translate(${radius + 14} 0) rotate(${turned ? 180 : 0})`;
  return html`<text class="name" transform=${turn} dy="4" text-anchor=${turned ? "end" : "start"}>${short(node.name)}</text>`;
}

function Sign({ node, x, y, scale }) {
  const size = 16 * scale;
  const transform = `translate(${x - size / 2} ${y - size / 2}) scale(${scale})`;
  return html`<g class=${`sign state-${node.state} ${node.role === "leader" ? "leads" : ""}`} transform=${transform}>
    <circle class="ground" cx="8" cy="8" r="10" />
    ${node.role === "leader" ? html`<circle class="halo" cx="8" cy="8" r="12" />${starShape()}` : stateShape(node.state)}</g>`;
}

function Spot({ spot, plan, named, level, reachable }) {
  const { node } = spot;
  return useMemo(() => {
    const least = node.role === "leader" ? 1 : node.state === "alive" ? 0 : 0.8;
    const scale = Math.max(plan.scale, least);
    const told = `${node.name}: ${node.state}, ${node.role}`;
    return html`<a href=${nodePath(node.name)} class="spot" tabindex=${reachable ? undefined : "-1"} aria-label=${told}>
      <title>${told}</title>
      <${Sign} node=${node} x=${spot.x} y=${spot.y} scale=${scale} />
      ${named && html`<${Label} ...${spot} radius=${plan.outer} level=${level} />`}</a>`;
  }, [node, spot.x, spot.y, plan.scale, named, level, reachable, narrow.value]);
}

function radius(count, small) {
  if (small) return 120;
  if (count > NAMED_MOST) return 335;
  return narrow.value && count <= LEVEL_MOST ? 190 : 250;
}

function frame(count, small) {
  if (small) return "-235 -165 470 330";
  if (count > LEVEL_MOST) return "-400 -400 800 800";
  return narrow.value ? "-370 -250 740 500" : "-450 -310 900 620";
}

/** The drawing of these nodes; `small` leaves names out where they would not be read. */
export function Ring({ nodes, small = false }) {
  const outer = radius(nodes.length, small);
  const plan = useMemo(() => layout(nodes, outer), [nodes, outer]);
  const { here, spots, sectors } = plan;
  if (!nodes.length) return html`<${Empty} title="No nodes yet" />`;
  const few = nodes.length <= (small ? LEVEL_MOST : NAMED_MOST);
  const notable = spots.filter(({ node }) => node.role === "leader" || node.state === "down" || node.state === "suspect");
  const pointed = !few && !small && notable.length <= POINTED_MOST ? new Set(notable) : new Set();
  const level = nodes.length <= LEVEL_MOST;
  const inOrder = [...spots].sort((a, b) => Number(a.node.state !== "alive") - Number(b.node.state !== "alive"));
  return html`<svg class=${`ring ${small ? "small" : ""} ${few ? "" : "many"}`} viewBox=${frame(nodes.length, small)}
      role="group" aria-label=${`${here ? here.name : "This node"} and ${spots.length} others`}>
    ${sectors.map((sector) => html`
      <line key=${`l${sector.from}`} class="sector" x1=${sector.x0} y1=${sector.y0} x2=${sector.x1} y2=${sector.y1} />`)}
    ${here && inOrder.map((spot) => html`<${Link} key=${spot.node.name} spot=${spot} timed=${!small && spots.length <= TIMED_MOST} />`)}
    ${!small && sectors.map((sector) => html`
      <text key=${`t${sector.from}`} class="zone" x=${sector.x} y=${sector.y} text-anchor="middle">${sector.name}</text>`)}
    ${inOrder.map((spot) => html`
      <${Spot} key=${spot.node.name} spot=${spot} plan=${plan} named=${few || pointed.has(spot)} level=${level} reachable=${few && !small} />`)}
    ${here && html`
      <${Spot} key="here" spot=${{ node: here, x: 0, y: 0, angle: Math.PI }} plan=${{ ...plan, scale: 1.5 }} named level reachable=${!small} />`}
  </svg>`;
}
