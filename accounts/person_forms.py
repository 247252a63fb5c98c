"""The forms of an account: a new one, and one that is there."""

from typing import Any, ClassVar

from django.contrib.auth.forms import AdminUserCreationForm, UserChangeForm
from unfold.widgets import UnfoldAdminPasswordWidget

from accounts.meanwhile import VersionedForm
from accounts.models import User


class PersonCreationForm(AdminUserCreationForm[User]):
    class Meta:
        model = User
        fields = ("email",)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("password1", "password2"):
            self.fields[name].widget = UnfoldAdminPasswordWidget()

    def clean_email(self) -> str:
        return str(self.cleaned_data["email"]).lower()


class PersonForm(VersionedForm, UserChangeForm[User]):
    # It is said whether there is one, and set on a page of its own.
    password: Any = None

    class Meta(UserChangeForm.Meta):
        model = User
        labels: ClassVar = {
            "is_active": "May log in",
            "is_superuser": "Runs this server",
        }
        help_texts: ClassVar = {
            "is_active": "Switched off they are out at once; what they did stays "
            "theirs.",
            "is_superuser": "Sees and changes everything, in all organizations.",
        }
