// What is asked once, and again while the agent refuses it for now only.
import { useEffect, useState } from "./html.js";

const AGAIN_MS = 3_000;

/** The refusal that `ask(signal)` met, else null; what it gives goes to `onAnswer`. Nothing is asked while `ask` is false. */
export function useUntilAnswered(ask, keys, onAnswer) {
  const [refused, setRefused] = useState(null);
  const [turn, setTurn] = useState(0);
  useEffect(() => {
    if (!ask) return undefined;
    const cut = new AbortController();
    let timer = 0;
    const failed = (error) => {
      if (error.name === "AbortError") return;
      setRefused(error);
      if (error.retryable) timer = setTimeout(() => setTurn((old) => old + 1), AGAIN_MS);
    };
    const answered = (answer) => {
      setRefused(null);
      onAnswer(answer);
    };
    ask(cut.signal).then(answered, failed);
    return () => (cut.abort(), clearTimeout(timer));
  }, [Boolean(ask), turn, ...keys]);
  return refused;
}
