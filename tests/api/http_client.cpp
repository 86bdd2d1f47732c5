#include "tests/api/http_client.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sstream>
#include <stdexcept>
#include <sys/socket.h>
#include <unistd.h>

namespace troupe::api::test {

connection::connection(uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  timeval timeout{.tv_sec = 20, .tv_usec = 0};
  ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
  if (::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
    throw std::runtime_error("cannot connect to the server under test");
}

connection::~connection() { ::close(socket_); }

void connection::send(std::string_view bytes) {
  while (!bytes.empty()) {
    auto sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return; // the server has closed; its reply is still to be read
    bytes.remove_prefix(size_t(sent));
  }
}

void connection::end_sending() { ::shutdown(socket_, SHUT_WR); }

bool connection::fill() {
  char buffer[64 << 10];
  auto count = ::recv(socket_, buffer, sizeof buffer, 0);
  if (count <= 0) return false;
  read_.append(buffer, size_t(count));
  return true;
}

http_reply connection::reply(bool head) {
  size_t end;
  while ((end = read_.find("\r\n\r\n")) == read_.npos)
    if (!fill()) return {};
  http_reply found;
  std::istringstream lines(read_.substr(0, end));
  read_.erase(0, end + 4);
  std::string version, line;
  lines >> version >> found.status;
  std::getline(lines, line);
  while (std::getline(lines, line)) {
    auto colon = line.find(": ");
    auto name = line.substr(0, colon);
    std::ranges::transform(name, name.begin(), [](unsigned char c) { return std::tolower(c); });
    auto value = line.substr(colon + 2);
    if (value.ends_with('\r')) value.pop_back();
    found.headers[name] = value;
  }
  size_t length = head || !found.headers.contains("content-length")
                      ? 0
                      : std::stoul(found.headers["content-length"]);
  while (read_.size() < length)
    if (!fill()) return {};
  found.body = read_.substr(0, length);
  read_.erase(0, length);
  return found;
}

bool connection::closes_within(std::chrono::milliseconds time) {
  auto deadline = std::chrono::steady_clock::now() + time;
  while (true) {
    auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        deadline - std::chrono::steady_clock::now());
    pollfd waiting{.fd = socket_, .events = POLLIN, .revents = 0};
    if (left.count() < 0 || ::poll(&waiting, 1, int(left.count())) <= 0) return false;
    if (!fill()) return true;
  }
}

std::string client::head_of(std::string_view method, std::string_view target,
                            size_t body_bytes) const {
  std::ostringstream head;
  head << method << ' ' << target << " HTTP/1.1\r\nHost: localhost\r\n";
  if (!token.empty()) head << "Authorization: Bearer " << token << "\r\n";
  if (body_bytes > 0 || method == "POST") head << "Content-Length: " << body_bytes << "\r\n";
  head << "\r\n";
  return head.str();
}

http_reply client::call(std::string_view method, std::string_view target,
                        std::string_view body) const {
  connection to(port);
  to.send(head_of(method, target, body.size()));
  to.send(body);
  return to.reply(method == "HEAD");
}

} // namespace troupe::api::test
