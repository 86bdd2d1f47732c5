#include "tests/runtime/test_node.hpp"

using namespace troupe;
using namespace troupe::runtime;
using wire::ReplicaPhase;

namespace {

void write(const std::filesystem::path& path, const std::string& text) {
  std::filesystem::create_directories(path.parent_path());
  std::ofstream(path) << text;
}

/// A source distribution, as `python3 setup.py sdist` packs it.
std::filesystem::path make_sdist(const std::filesystem::path& folder) {
  auto root = folder / "trainer-0.1";
  write(
      root / "setup.py",
      "from setuptools import setup\nsetup(name='trainer', version='0.1', packages=['trainer'])\n");
  write(root / "PKG-INFO", "Metadata-Version: 2.1\nName: trainer\nVersion: 0.1\n");
  write(root / "trainer/__init__.py", "");
  write(root / "trainer/task.py", "import sys\nprint('trained', *sys.argv[1:])\n");
  auto archive = folder / "trainer-0.1.tar.gz";
  auto command = "tar -czf " + archive.string() + " -C " + folder.string() + " trainer-0.1";
  REQUIRE(std::system(command.c_str()) == 0);
  return archive;
}

wire::frame<wire::Launch> package_order(const std::string& package) {
  return order_of(job{.pools = {{{"replaced"}}}}, [&](wire::Launch::Builder out) {
    auto spec = out.getSpec().getWorkerPoolSpecs()[0].initPythonPackageSpec();
    spec.setExecutorImageUri("host");
    spec.initPackageUris(1).set(0, package);
    spec.setPythonModule("trainer.task");
    spec.initArgs(1).set(0, "--job=$(CLOUD_ML_JOB_ID)");
  });
}

} // namespace

TEST_CASE("a Python source distribution is installed without a network and run") {
  node here;
  make_sdist(here.scratch.path() / "bucket");
  here.settings.buckets = {{"packages", here.scratch.path() / "bucket"}};
  auto attempt = here.run(package_order("gs://packages/trainer-0.1.tar.gz"));
  auto end = here.seen.wait_for_end();
  INFO(wire::str(end->getMessage()));
  CHECK(end->getPhase() == ReplicaPhase::EXITED);
  CHECK(end->getExitCode() == 0);
  CHECK(here.texts().back() == "trained --job=4711");
}

TEST_CASE("a Python package that is damaged or not on the node is reported as FAILED") {
  node here;
  auto broken = here.scratch.path() / "trainer-0.1.tar.gz";
  write(broken, "no archive");
  auto message_of = [&](const std::string& uri) {
    node fresh;
    auto attempt = fresh.run(package_order(uri));
    auto end = fresh.seen.wait_for_end();
    CHECK(end->getPhase() == ReplicaPhase::FAILED);
    CHECK(end->getPermanent());
    return wire::str(end->getMessage());
  };
  CHECK(message_of(broken).starts_with(
      "preparing the replica failed: /usr/bin/python3 ended with status "));
  CHECK(message_of("gs://nowhere/x.tar.gz").find("`buckets:`") != std::string::npos);
  CHECK(message_of("/no/such.tar.gz").find("cannot read /no/such.tar.gz") != std::string::npos);
}
