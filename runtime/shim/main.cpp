// troupe-shim DIRECTORY: started by an agent for one replica, with a listening socket as
// descriptor 3. See supervisor.hpp.
#include "runtime/shim/supervisor.hpp"

#include <cstdio>
#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int argc, char** argv) {
  if (argc != 2 || fcntl(troupe::runtime::shim::listener_fd, F_GETFD) < 0) {
    std::fputs("usage: troupe-shim DIRECTORY; it is started by troupe agents, not by hand\n",
               stderr);
    return 2;
  }
  // The replica must not inherit anything else that the agent had open.
  syscall(SYS_close_range, troupe::runtime::shim::listener_fd + 1, ~0u, 0);
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  // A machine that shuts down signals every process; the shim stays until its replica has ended.
  for (int signal : {SIGTERM, SIGINT, SIGHUP, SIGPIPE, SIGQUIT})
    ::signal(signal, SIG_IGN);
  return troupe::runtime::shim::supervisor(argv[1]).run();
}
