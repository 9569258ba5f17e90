{
  'variables': {
    # 1 builds with AddressSanitizer and UndefinedBehaviorSanitizer; see scripts/sanitize.
    'sanitize%': 0,
  },
  'targets': [
    {
      'target_name': 'netlink',
      'sources': [
        'addon.cc',
        'dns_answers.cc',
        'dns_binding.cc',
        'dns_responder.cc',
        'file.cc',
        'file_binding.cc',
        'inet_binding.cc',
        'inet_socket.cc',
        'js.cc',
        'listener.cc',
        'namespace.cc',
        'netlink_socket.cc',
        'process_binding.cc',
        'socket_binding.cc',
      ],
      'dependencies': [
        # Every exception is turned into a JavaScript error at the edge, std::bad_alloc included.
        "<!(node -p \"require('node-addon-api').targets\"):node_addon_api_except_all",
      ],
      'defines': [
        'NAPI_VERSION=8',
        # A worker that is being terminated refuses every call; without this the process aborts.
        'NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS',
      ],
      'cflags': ['-Wall', '-Wextra', '-Werror'],
      'cflags_cc!': ['-std=gnu++14', '-std=gnu++1y', '-std=gnu++20'],
      'cflags_cc': ['-std=gnu++17', '-fvisibility=hidden'],
      'conditions': [
        ['sanitize==1', {
          'cflags': [
            '-g',
            '-O1',
            '-fno-omit-frame-pointer',
            '-fsanitize=address,undefined',
            '-fno-sanitize-recover=undefined',
          ],
          'ldflags': ['-fsanitize=address,undefined'],
        }],
      ],
    },
  ],
}
