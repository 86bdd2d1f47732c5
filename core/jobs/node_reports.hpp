// What nodes report of replicas, held against what is expected there. A hello is the whole truth about
// a node: what it does not name is lost or never began, what it names and nobody expects is stopped.
// Owns nothing: replicas belong to their attempts.
#pragma once

#include "core/jobs/attempts.hpp"

#include <string>
#include <string_view>
#include <utility>

namespace troupe::core {

class node_reports {
public:
  node_reports(cluster_state& state, changes& out, scheduler& queue, nodes& places,
               attempts& attempts)
      : state_(state), out_(out), scheduler_(queue), nodes_(places), attempts_(attempts) {}

  /// The node has joined.
  void reconcile(node&, wire::NodeHello::Reader, bool new_boot);
  void report(node&, wire::ReplicaStatus::Reader);
  /// The session has ended; the replicas are thought to run on.
  void disconnected(const node&, std::string_view reason);
  /// The node is away for too long: its replicas are lost.
  void lost(const node&, const std::string& why);

private:
  void apply(node&, wire::ReplicaStatus::Reader, bool in_hello);
  void unexpected(node&, wire::ReplicaStatus::Reader, bool in_hello);
  void reconcile_job(custom_job&, node&, const std::set<unexpected_replica>& named, bool new_boot);
  std::pair<custom_job*, replica*> expected(const node&, wire::ReplicaId::Reader);

  cluster_state& state_;
  changes& out_;
  scheduler& scheduler_;
  nodes& nodes_;
  attempts& attempts_;
};

} // namespace troupe::core
