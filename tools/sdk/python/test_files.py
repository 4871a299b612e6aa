"""Files: write, read, list, search, replace, permissions, move, delete."""

import io
import os
import unittest

from opensandbox.exceptions import SandboxApiException
from opensandbox.models.filesystem import (
    ContentReplaceEntry,
    DirectoryListEntry,
    MoveEntry,
    SearchEntry,
    SetPermissionEntry,
    WriteEntry,
)

from sandbox import WithSandbox


class Files(WithSandbox):
    def paths(self, entries):
        return [e.path for e in entries]

    def test_write_and_read(self):
        files = self.sandbox.files
        files.write_file("/data/w/note.txt", "première\nsecond\nthird\n")
        self.assertEqual(files.read_file("/data/w/note.txt"), "première\nsecond\nthird\n")
        self.assertEqual(files.read_file("/data/w/note.txt", offset=2, limit=1).rstrip("\n"), "second")
        content = os.urandom(300_000)
        files.write_files([
            WriteEntry(path="/data/w/whole.bin", data=content, mode=600),
            WriteEntry(path="/data/w/stream.bin", data=io.BytesIO(content), mode=640),
        ])
        self.assertEqual(files.read_bytes("/data/w/whole.bin"), content)
        self.assertEqual(b"".join(files.read_bytes_stream("/data/w/stream.bin")), content)
        self.assertEqual(files.read_bytes("/data/w/whole.bin", range_header="bytes=100-199"), content[100:200])
        info = files.get_file_info(["/data/w/whole.bin", "/data/w/stream.bin"])
        self.assertEqual([info[p].mode for p in ("/data/w/whole.bin", "/data/w/stream.bin")], [600, 640])
        self.assertEqual(info["/data/w/whole.bin"].size, len(content))

    def test_directories(self):
        files = self.sandbox.files
        files.create_directories([WriteEntry(path="/data/d/a/b", mode=750)])
        self.assertEqual(files.get_file_info(["/data/d/a/b"])["/data/d/a/b"].mode, 750)
        files.write_file("/data/d/a/file", "x")
        listed = files.list_directory(DirectoryListEntry(path="/data/d", depth=2))
        self.assertEqual(self.paths(listed), ["/data/d/a", "/data/d/a/b", "/data/d/a/file"])
        files.delete_directories(["/data/d"])
        with self.assertRaises(SandboxApiException) as caught:
            files.get_file_info(["/data/d"])
        self.assertEqual(caught.exception.status_code, 404)

    def test_search_and_replace(self):
        files = self.sandbox.files
        files.write_file("/data/s/one.txt", "red, green, red")
        files.write_file("/data/s/deep/two.txt", "blue")
        files.write_file("/data/s/three.md", "red")
        found = files.search(SearchEntry(path="/data/s", pattern="*.txt"))
        self.assertEqual(sorted(self.paths(found)), ["/data/s/deep/two.txt", "/data/s/one.txt"])
        files.replace_contents([ContentReplaceEntry(path="/data/s/three.md", old_content="red", new_content="white")])
        self.assertEqual(files.read_file("/data/s/three.md"), "white")
        counted = files.replace_contents_detailed([
            ContentReplaceEntry(path="/data/s/one.txt", old_content="red", new_content="black"),
        ])
        self.assertEqual([(c.path, c.replaced_count) for c in counted], [("/data/s/one.txt", 2)])
        self.assertEqual(files.read_file("/data/s/one.txt"), "black, green, black")

    def test_permissions(self):
        files = self.sandbox.files
        files.write_file("/data/p/file", "x", mode=644)
        files.set_permissions([SetPermissionEntry(path="/data/p/file", mode=755)])
        self.assertEqual(files.get_file_info(["/data/p/file"])["/data/p/file"].mode, 755)
        files.set_permissions([SetPermissionEntry(path="/data/p/file", mode=600, owner="nobody", group="nogroup")])
        info = files.get_file_info(["/data/p/file"])["/data/p/file"]
        self.assertEqual((info.mode, info.owner, info.group), (600, "nobody", "nogroup"))

    def test_move_and_delete(self):
        files = self.sandbox.files
        files.write_file("/data/m/from", "moved")
        files.create_directories([WriteEntry(path="/data/m/to")])
        files.move_files([MoveEntry(src="/data/m/from", dest="/data/m/to/file")])
        self.assertEqual(files.read_file("/data/m/to/file"), "moved")
        files.delete_files(["/data/m/to/file"])
        with self.assertRaises(SandboxApiException) as caught:
            files.read_file("/data/m/to/file")
        self.assertEqual(caught.exception.status_code, 404)


if __name__ == "__main__":
    unittest.main()
