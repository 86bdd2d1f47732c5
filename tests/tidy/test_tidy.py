"""The checks of scripts/tidy.py: what they count as a function, and that each rule finds what it is for."""

import pathlib
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "scripts"))
import tidy  # noqa: E402


def functions(source):
    return [(name, last - first + 1) for name, first, last in tidy.functions_of(source)]


class Functions(unittest.TestCase):
    def test_lines_count_from_the_head_to_the_last_brace(self):
        self.assertEqual(functions("namespace a {\nint\nsum(int x,\n    int y) {\n  return x + y;\n}\n}\n"), [("sum", 5)])

    def test_a_lambda_belongs_to_the_function_around_it(self):
        self.assertEqual(functions("void run() {\n  auto go = [&](int x) {\n    return x;\n  };\n}\n"), [("run", 5)])

    def test_members_initialised_in_braces_do_not_end_a_constructor(self):
        self.assertEqual(functions("pool::pool(int size) : size_{size}, free_{} {\n  fill();\n}\nint next() { return 1; }\n"),
                         [("pool::pool", 3), ("next", 1)])

    def test_braces_in_strings_characters_and_comments_do_not_count(self):
        source = 'void say() {\n  auto a = "{", b = \'{\'; // {\n  /* { */ auto c = R"({{)";\n  int d = 1\'000;\n}\nvoid next() {}\n'
        self.assertEqual(functions(source), [("say", 5), ("next", 1)])

    def test_types_namespaces_and_initialisers_are_not_functions(self):
        source = "struct point {\n  int x{0};\n  int norm() const {\n    return x;\n  }\n};\nconst auto table = make({1, 2});\nint list[] = {1};\n"
        self.assertEqual(functions(source), [("norm", 3)])

    def test_default_template_arguments_do_not_hide_a_function(self):
        self.assertEqual(functions("template <class T = int>\nT make() {\n  return {};\n}\n"), [("make", 4)])

    def test_a_test_case_is_a_function(self):
        self.assertEqual(functions('TEST_CASE("x") {\n  CHECK(true);\n}\n'), [("TEST_CASE", 3)])


class Rules(unittest.TestCase):
    """Each rule on a small repository with one thing wrong."""

    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        root, tidy.ROOT = tidy.ROOT, pathlib.Path(directory.name)
        self.addCleanup(setattr, tidy, "ROOT", root)
        subprocess.run(["git", "init", "-q", directory.name], check=True)

    def write(self, name, text):
        path = tidy.ROOT / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def places(self, rule):
        return [place for place, _ in rule()]

    def test_a_file_of_501_lines_is_reported_when_500_are_allowed(self):
        self.write("base/right.cpp", "//\n" * 500)
        self.write("base/long.cpp", "//\n" * 501)
        self.assertEqual(self.places(tidy.long_files), ["base/long.cpp"])

    def test_a_function_of_71_lines_is_reported_when_70_are_allowed(self):
        body = "void {}() {{\n" + "  go();\n" * 68
        self.write("base/a.cpp", body.format("right") + "}\n" + body.format("long_one") + "  go();\n}\n")
        self.assertEqual(self.places(tidy.long_functions), ["base/a.cpp:long_one"])

    def test_a_python_function_of_71_lines_is_reported(self):
        self.write("bench/a.py", "def right():\n" + "    go()\n" * 69 + "def long_one():\n" + "    go()\n" * 70)
        self.assertEqual(self.places(tidy.long_functions), ["bench/a.py:long_one"])

    def test_a_header_without_an_opening_paragraph_is_reported(self):
        self.write("base/a.hpp", "#pragma once\n")
        self.write("base/b.hpp", "// Why.\n#pragma once\n")
        self.write("base/b.cpp", '#include "base/b.hpp"\n')
        self.write("base/c.cpp", "int c;\n")
        self.assertEqual(self.places(tidy.openings), ["base/a.hpp", "base/c.cpp"])

    def test_an_include_of_a_folder_above_is_reported(self):
        self.write("base/a.cpp", '#include "core/b.hpp"\n#include <core/c.hpp>\n')
        self.write("core/jobs/b.cpp", '#include "base/a.hpp"\n')
        self.assertEqual(self.places(tidy.arrows), ["base/a.cpp -> core/b.hpp"])

    def test_an_include_of_a_room_above_is_reported(self):
        rooms = tidy.ROOMS["api"]
        low, high = rooms[0], rooms[-1]
        self.write(f"api/{low}/a.cpp", f'#include "api/{high}/b.hpp"\n')
        self.write(f"api/{high}/b.cpp", f'#include "api/{low}/a.hpp"\n')
        self.assertEqual(self.places(tidy.arrows), [f"api/{low}/a.cpp -> api/{high}/b.hpp"])

    def test_a_folder_that_no_table_names_is_reported(self):
        self.write("attic/a.cpp", "")
        self.assertEqual(self.places(tidy.arrows), ["attic/a.cpp"])

    def test_sources_that_are_unsorted_or_share_a_line_or_are_not_listed_are_reported(self):
        self.write("base/meson.build", "lib('x',\n  'b.cpp',\n  'a.cpp',\n)\nlib('y', 'c.cpp', 'd.cpp')\n")
        for name in "abcde":
            self.write(f"base/{name}.cpp", "")
        self.assertEqual(self.places(tidy.meson_lists), ["base/meson.build", "base/meson.build", "base/e.cpp"])

    def test_a_room_with_more_than_its_share_of_the_lines_is_reported(self):
        for name in ("a", "b", "c", "d", "e"):
            self.write(f"core/{name}/x.cpp", "//\n" * 100)
        self.write("core/f/x.cpp", "//\n" * 150)
        self.write("tests/x.cpp", "//\n" * 1000)
        self.assertEqual(self.places(tidy.large_rooms), ["core/f"])

    def test_a_path_that_does_not_exist_is_reported(self):
        self.write("base/a.hpp", "// As base/b.hpp does, not as base/a.hpp; elsewhere/x.hpp is not ours.\n")
        self.write("docs/page.md", "[page](page.md) [gone](gone.md) [web](https://x.example/base/y.md)\n")
        self.assertEqual(self.places(tidy.stale_paths), ["base/a.hpp -> base/b.hpp", "docs/page.md -> gone.md"])

    def test_a_name_beside_a_link_that_its_file_does_not_have_is_reported(self):
        self.write("base/a.cpp", "void one();\nvoid twofold();\n")
        self.write("docs/page.md", "[base/a.cpp](../base/a.cpp) `a::one`, `two`; `three`\n")
        self.assertEqual(self.places(tidy.stale_names), ["docs/page.md -> ../base/a.cpp two"])

    def test_a_paper_that_the_repository_does_not_have_is_reported(self):
        self.write("base/a.hpp", "// As vertex.md says, and page.md.\n")
        self.write("docs/page.md", "")
        self.assertEqual(self.places(tidy.foreign_papers), ["base/a.hpp -> vertex.md"])

    def test_a_word_that_is_not_plain_is_reported_unless_its_line_is_marked(self):
        self.write("base/a.hpp", "// Started anew.\n// Renewed.\n// Kept: anew (plain: keep)\n")
        self.assertEqual(self.places(tidy.plain_words), ["base/a.hpp: anew"])


if __name__ == "__main__":
    unittest.main()
