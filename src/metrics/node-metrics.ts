/** The most useful of Node's metrics, which prom-client adds: name, type, meaning. */
export const nodeMetrics = [
  ['process_resident_memory_bytes', 'gauge', "Memory of the process, as the container's limit counts it."],
  ['process_cpu_seconds_total', 'counter', 'CPU time used.'],
  ['process_start_time_seconds', 'gauge', 'When the process started; a change is a restart.'],
  ['process_open_fds', 'gauge', 'Open files and sockets.'],
  ['nodejs_heap_size_used_bytes', 'gauge', 'Heap in use.'],
  ['nodejs_heap_size_total_bytes', 'gauge', 'Heap reserved.'],
  [
    'nodejs_external_memory_bytes',
    'gauge',
    'Memory outside the heap, owned by objects on it, such as buffers.',
  ],
  ['nodejs_eventloop_lag_seconds', 'gauge', 'Event loop lag at the time of the scrape.'],
  ['nodejs_eventloop_lag_p99_seconds', 'gauge', 'Event loop lag, 99th percentile since the last scrape.'],
  [
    'nodejs_eventloop_lag_max_seconds',
    'gauge',
    'Event loop lag, maximum since the last scrape; shows stalls.',
  ],
  ['nodejs_gc_duration_seconds', 'histogram', 'Pauses for garbage collection, by `kind`.'],
  [
    'nodejs_active_resources',
    'gauge',
    'Resources that keep the event loop alive, by `type`: sockets, timers, requests.',
  ],
] as const;
