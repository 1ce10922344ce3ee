import type { PreStop } from './engine.ts';

/**
 * Waits until the engine says that it has neither a running nor a waiting request, twice in a row, a second
 * after it was told at the earliest: by then every router has seen that the pod is on its way out. No answer
 * while the port is open means busy; a refused connection means that there is nothing to wait for. Needs
 * bash and coreutils in the image, and no curl.
 * @param gauges names on /metrics whose sum counts the requests; labels do not matter
 */
export function untilIdle(port: number, gauges: readonly string[]): PreStop {
  const script = `
busy() {
  { exec 3<>/dev/tcp/127.0.0.1/${port}; } 2>/dev/null || return 1
  printf 'GET /metrics HTTP/1.0\\r\\n\\r\\n' >&3
  local line count seen=0 sum=0
  while read -r -t 5 line <&3; do
    case "$line" in ${gauges.map((gauge) => `${gauge}[' {']*`).join(' | ')})
      count=\${line##* } seen=1 sum=$((sum + \${count%%[!0-9]*})) ;;
    esac
  done
  exec 3>&-
  [ "$seen" = 0 ] || [ "$sum" -gt 0 ]
}
sleep 1
idle=0
until [ "$idle" = 2 ]; do
  if busy; then idle=0; else idle=$((idle + 1)); fi
  sleep 0.2
done
`;
  return { exec: { command: ['/bin/bash', '-c', script.trim()] } };
}

/**
 * For engines that do not tell what they work on, and for images without a shell: the kubelet itself waits,
 * long enough for every router to look elsewhere and for most answers to end.
 */
export const fixedPause: PreStop = { sleep: { seconds: 30 } };
