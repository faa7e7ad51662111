from ....elsewhere import thing


class Finch: ...
