// The one place where the libraries meet: markup is made of templates, and what comes from the network stays text in it.
import { h } from "preact";
import htm from "htm";

export const html = htm.bind(h);
export { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
export { computed, effect, signal, useComputed, useSignal } from "@preact/signals";
