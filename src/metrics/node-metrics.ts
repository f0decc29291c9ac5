/** What Node's metrics, which prom-client adds, are looked at for: name, type, meaning. There are more. */
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
    'Memory outside the heap that belongs to objects on it: buffers.',
  ],
  ['nodejs_eventloop_lag_seconds', 'gauge', 'How late the event loop is at the scrape.'],
  ['nodejs_eventloop_lag_p99_seconds', 'gauge', 'The same, 99th percentile since the last scrape.'],
  ['nodejs_eventloop_lag_max_seconds', 'gauge', 'The same, the longest: stalls show here.'],
  ['nodejs_gc_duration_seconds', 'histogram', 'Pauses for garbage collection, by `kind`.'],
  [
    'nodejs_active_resources',
    'gauge',
    'What keeps the event loop alive, by `type`: sockets, timers, requests.',
  ],
] as const;
